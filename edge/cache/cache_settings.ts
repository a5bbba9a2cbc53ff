/** Bounds the bytes that the stored results may take. */
import { type Environment, readText, wrongSetting } from "../environment.ts";

export interface CacheSettings {
  /** Bytes of all stored results; beyond it the longest unused are deleted, except demos. */
  readonly bytes: number;
}

/** Half of what a D1 database holds. */
const DEFAULT_BYTES = 5_000_000_000;

/** Reads `CACHE_BYTES`. */
export function readCache(environment: Environment): CacheSettings {
  const text = readText(environment, "CACHE_BYTES");
  if (text === null) return { bytes: DEFAULT_BYTES };
  const bytes = /^\d{1,15}$/.test(text) ? Number(text) : -1;
  if (bytes >= 0) return { bytes };
  throw wrongSetting("CACHE_BYTES", "a whole number of bytes from 0", text);
}
