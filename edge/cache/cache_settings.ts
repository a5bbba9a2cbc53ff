/** Bounds the bytes that the stored results may take. */
import { type Environment, readText, wrongSetting } from "../environment.ts";

export interface CacheSettings {
  /** Bytes of all stored results; beyond it the longest unused are deleted, except demos. */
  readonly bytes: number;
}

/** Half of what a D1 database holds. */
const DEFAULT_BYTES = 5_000_000_000;

/** A database holds 500 MB on the free plan and 10 GB on a paid one; other tables need room. */
const PRESETS: ReadonlyMap<string, number> = new Map([
  ["d1-free", 300_000_000],
  ["d1-paid", DEFAULT_BYTES],
]);

/** Reads `CACHE_BYTES`. */
export function readCache(environment: Environment): CacheSettings {
  const text = readText(environment, "CACHE_BYTES");
  if (text === null) return { bytes: DEFAULT_BYTES };
  const preset = PRESETS.get(text);
  if (preset !== undefined) return { bytes: preset };
  const bytes = /^\d{1,15}$/.test(text) ? Number(text) : -1;
  if (bytes >= 0) return { bytes };
  throw wrongSetting("CACHE_BYTES", "a whole number of bytes from 0, or d1-free or d1-paid", text);
}
