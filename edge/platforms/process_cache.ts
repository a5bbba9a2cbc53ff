/** The cache of this process, which on workerd is an isolate. */
import type { ReaderCache } from "../cache/reader_cache.ts";
import { createMemoryCache } from "../cache/memory_cache.ts";

/** Stays small: an isolate has 128 MB, and rooms live in it as well. */
export function createProcessCache(): ReaderCache {
  return createMemoryCache({
    bytesMax: 16 * 1024 * 1024,
    entryBytesMax: 4 * 1024 * 1024,
    now: () => Date.now(),
  });
}
