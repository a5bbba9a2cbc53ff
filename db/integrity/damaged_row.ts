/** What was stored is compared with its hash when it is read: a disk may turn a byte. */
import { sha256 } from "@noble/hashes/sha2.js";
import type { NumberedEvent, Plan } from "../../contract/mod.ts";

/** The part of a result that is not what was stored. */
export type DamagedPart = "log" | "image" | "preview";

/** Such a result is worth nothing: it is removed, and drawn again when it is asked for. */
export class DamagedRow extends Error {
  override readonly name = "DamagedRow";
  readonly part: DamagedPart;

  constructor(part: DamagedPart) {
    super(`A stored ${part} does not have its SHA-256`);
    this.part = part;
  }
}

/** The platform's own hash, which is seven times as fast as one in JavaScript. */
export async function hashOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

/**
 * @param hash hex; null for what was stored before there were hashes, and is believed
 * @throws DamagedRow
 */
export async function checkBytes(
  part: DamagedPart,
  bytes: Uint8Array,
  hash: string | null,
): Promise<void> {
  if (hash !== null && await hashOf(new Uint8Array(bytes)) !== hash) throw new DamagedRow(part);
}

/** A picture as it was stored. */
export interface Whole {
  readonly part: DamagedPart;
  readonly length: number;
  /** Hex; null as above. */
  readonly sha256: string | null;
}

/**
 * Gives slices on, the last one only when all have the hash: a reader never gets damaged ones
 * whole. @throws DamagedRow
 */
export async function* checkedSlices(
  { part, length, sha256: hash }: Whole,
  slices: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const state = sha256.create();
  let come = 0;
  for await (const slice of slices) {
    come += slice.length;
    if (hash !== null) state.update(slice);
    if (hash !== null && come >= length && state.digest().toHex() !== hash) {
      throw new DamagedRow(part);
    }
    yield slice;
  }
}

/** A result's plan and events, as JSON. */
export interface LogText {
  readonly plan: string;
  readonly events: string;
}

/** Returns the hash of both, hex. */
export function hashOfLog({ plan, events }: LogText): string {
  return sha256(new TextEncoder().encode(`${plan}\n${events}`)).toHex();
}

/** @throws DamagedRow where the text is not what was stored, or does not even parse */
export async function readLog(
  { plan, events, log_sha256 }: LogText & { readonly log_sha256: string | null },
): Promise<{ readonly plan: Plan; readonly events: readonly NumberedEvent[] }> {
  await checkBytes("log", new TextEncoder().encode(`${plan}\n${events}`), log_sha256);
  try {
    return { plan: JSON.parse(plan), events: JSON.parse(events) };
  } catch {
    throw new DamagedRow("log");
  }
}
