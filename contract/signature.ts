/**
 * Signed calls from edge to GPU function: HMAC-SHA256 over the call's method, path, time, nonce,
 * audience and the hash of its body. The receiver refuses a time outside the allowed skew, a
 * repeated nonce and another's audience.
 */
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";

/** The headers of a signed call. */
export const SIGNATURE_HEADERS = {
  timestamp: "x-shapefirst-timestamp",
  nonce: "x-shapefirst-nonce",
  audience: "x-shapefirst-audience",
  signature: "x-shapefirst-signature",
} as const;

/** How far the two clocks may differ, including the time that the call takes to arrive. */
export const SIGNATURE_SKEW_MS = 60_000;

export interface SignedCall {
  readonly method: string;
  /** Path and query as the receiver sees them, without a prefix that a proxy strips. */
  readonly path: string;
  readonly body: Uint8Array;
  /** Epoch milliseconds. */
  readonly timestamp: number;
  /** Unique per call. */
  readonly nonce: string;
  /** Whom it is for (`audienceOf`); null as edges signed before calls named it. */
  readonly audience: string | null;
}

/**
 * Returns the name by which an edge calls a GPU function. The edge takes it from its own settings,
 * never from the function: one that chose its own name could have calls signed for another.
 * @param url its base URL, of which the host counts, and a port that is not the usual one
 */
export function audienceOf({ host }: { readonly host: string }): string {
  return host.replace(/:(80|443)$/, "");
}

/** @returns 64 hex digits */
export function signCall(secret: string, call: SignedCall): string {
  return bytesToHex(hmac(sha256, utf8ToBytes(secret), utf8ToBytes(canonicalCall(call))));
}

/**
 * One line per part. No part may hold a line break, so different calls have different texts; the
 * first line keeps calls with an audience and those without one apart.
 */
function canonicalCall({ method, path, body, timestamp, nonce, audience }: SignedCall): string {
  const first = [method, path, String(timestamp), nonce];
  const parts = [...first, ...(audience === null ? [] : [audience]), bytesToHex(sha256(body))];
  if (parts.some((part) => part.includes("\n"))) throw new RangeError("A part has a line break");
  return [`shapefirst-call-${audience === null ? 1 : 2}`, ...parts].join("\n");
}

/** Compares in constant time, so the duration does not show where the two differ. */
export function equalSignatures(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i);
  return difference === 0;
}
