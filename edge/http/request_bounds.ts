/** Bounds the lengths of a URL and its header fields; bodies are bounded where they are read. */
import { createProblem, LIMITS, type Problem } from "../../contract/mod.ts";

/** Returns null where both are within their bounds. */
export function boundsProblem({ url, headers }: Request): Problem | null {
  if (url.length > LIMITS.urlLength) {
    const detail = `The URL must be at most ${LIMITS.urlLength} characters, given ${url.length}`;
    return createProblem("url_too_long", detail);
  }
  const size = [...headers].reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  if (size <= LIMITS.headerBytes) return null;
  const detail = `The header fields must be at most ${LIMITS.headerBytes} bytes, given ${size}`;
  return createProblem("headers_too_large", detail);
}
