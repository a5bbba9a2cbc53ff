/** The address of a result: equal keys mean equal images, however the request was spelled. */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";

export type CanonicalValue =
  | null
  | boolean
  | number
  | string
  | readonly CanonicalValue[]
  | { readonly [key: string]: CanonicalValue };

/** JSON with sorted keys and no spaces, so that equal values have equal text. */
export function canonicalJson(value: CanonicalValue): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (value !== null && typeof value === "object") {
    const members = Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
      .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`);
    return `{${members.join(",")}}`;
  }
  if (typeof value === "number" && !Number.isFinite(value)) {
    throw new RangeError(`Cannot put ${value} into canonical JSON`);
  }
  return JSON.stringify(value);
}

/** SHA-256 of the canonical JSON, 64 hex digits. */
export function contentKey(value: CanonicalValue): string {
  return bytesToHex(sha256(utf8ToBytes(canonicalJson(value))));
}
