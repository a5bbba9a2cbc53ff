/**
 * Signed calls from edge to GPU function: HMAC-SHA256 over the call's method, path, time, nonce and the
 * hash of its body. What is older than the allowed skew, or was seen before, is for the receiver to refuse.
 */
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";

/** The headers of a signed call. */
export const SIGNATURE_HEADERS = {
  timestamp: "x-shapefirst-timestamp",
  nonce: "x-shapefirst-nonce",
  signature: "x-shapefirst-signature",
} as const;

/** How far the two clocks may be apart, with the call's way between them. */
export const SIGNATURE_SKEW_MS = 60_000;

export interface SignedCall {
  readonly method: string;
  /** With its query, as the receiver sees it: what a proxy strips is not part of it. */
  readonly path: string;
  readonly body: Uint8Array;
  /** Epoch milliseconds. */
  readonly timestamp: number;
  /** Never the same twice. */
  readonly nonce: string;
}

/** @returns 64 hex digits */
export function signCall(secret: string, call: SignedCall): string {
  return bytesToHex(hmac(sha256, utf8ToBytes(secret), utf8ToBytes(canonicalCall(call))));
}

/** One line a part; none of them can hold a line break, so no two calls have one text. */
function canonicalCall({ method, path, body, timestamp, nonce }: SignedCall): string {
  const parts = [method, path, String(timestamp), nonce, bytesToHex(sha256(body))];
  if (parts.some((part) => part.includes("\n"))) throw new RangeError("A part has a line break");
  return ["shapefirst-call-1", ...parts].join("\n");
}

/** Takes as long wherever the two differ. */
export function equalSignatures(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i);
  return difference === 0;
}
