/** The cache of one process; when it is full, the longest unused entries leave. */
import type { ReaderCache } from "./reader_cache.ts";

export interface MemoryCacheOptions {
  readonly bytesMax: number;
  /** Larger answers are left out: one of them would push all others out. */
  readonly entryBytesMax: number;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

const PIECE_LENGTH = 64 * 1024;

interface Entry {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly headers: readonly [string, string][];
  readonly expires: number;
}

export function createMemoryCache(
  { bytesMax, entryBytesMax, now }: MemoryCacheOptions,
): ReaderCache & { readonly bytes: number } {
  // The map's order is that of the last use.
  const entries = new Map<string, Entry>();
  let held = 0;

  function drop(key: string): void {
    held -= entries.get(key)?.bytes.length ?? 0;
    entries.delete(key);
  }

  return {
    get bytes() {
      return held;
    },
    match(key) {
      const entry = entries.get(key);
      if (!entry) return Promise.resolve(null);
      entries.delete(key);
      entries.set(key, entry);
      if (entry.expires <= now()) drop(key);
      const response = new Response(bodyOf(entry.bytes), { headers: [...entry.headers] });
      return Promise.resolve(entry.expires <= now() ? null : response);
    },
    async put(key, response) {
      const bytes = new Uint8Array(await response.arrayBuffer());
      drop(key);
      const expires = now() + 1_000 * maxAge(response.headers);
      if (bytes.length > entryBytesMax || expires <= now()) return;
      entries.set(key, { bytes, headers: [...response.headers], expires });
      held += bytes.length;
      for (const oldest of entries.keys()) {
        if (held <= bytesMax) return;
        drop(oldest);
      }
    },
    delete(key) {
      drop(key);
      return Promise.resolve();
    },
  };
}

/** Many slow readers share large bytes in pieces, rather than hold a copy each. */
function bodyOf(bytes: Uint8Array<ArrayBuffer>): BodyInit {
  if (bytes.length <= PIECE_LENGTH) return bytes;
  let next = 0;
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.enqueue(bytes.subarray(next, next + PIECE_LENGTH));
      next += PIECE_LENGTH;
      if (next >= bytes.length) controller.close();
    },
  }, { highWaterMark: 0 });
}

/** Returns seconds. */
function maxAge(headers: Headers): number {
  const [, seconds = "0"] = headers.get("cache-control")?.match(/max-age=(\d+)/) ?? [];
  return Number(seconds);
}
