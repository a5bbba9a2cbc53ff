/** A single range of a file (RFC 9110, section 14). Pure. */

export interface ByteRange {
  readonly first: number;
  /** Inclusive. */
  readonly last: number;
}

/**
 * Returns the part of a file of `size` bytes that a `Range` header asks for. Null means all of it:
 * without a header, in other units, with several ranges, and where it does not parse, as the RFC
 * has it.
 */
export function readByteRange(
  header: string | null,
  size: number,
): ByteRange | "not satisfiable" | null {
  const [, from = "", to = ""] = onlyRange(header)?.match(/^(\d*)\s*-\s*(\d*)$/) ?? [];
  if (from === "" && to === "") return null;
  if (from === "") {
    const length = Number(to);
    if (length === 0 || size === 0) return "not satisfiable";
    return { first: Math.max(0, size - length), last: size - 1 };
  }
  const first = Number(from);
  const last = to === "" ? size - 1 : Math.min(Number(to), size - 1);
  if (to !== "" && Number(to) < first) return null;
  return first < size ? { first, last } : "not satisfiable";
}

/** Lists may have empty places, which count for nothing (RFC 9110, section 5.6.1). */
function onlyRange(header: string | null): string | undefined {
  const [, set = ""] = header?.match(/^\s*bytes\s*=(.*)$/i) ?? [];
  const ranges = set.split(",").map((range) => range.trim()).filter(Boolean);
  return ranges.length === 1 ? ranges[0] : undefined;
}
