/** A cache near the reader, for what everybody may see. It may forget anything at any moment. */
import { within } from "../clock.ts";
import type { Log } from "../observability/log.ts";

export interface ReaderCache {
  /** @param key a path such as `images/…` */
  match(key: string): Promise<Response | null>;
  /** Keeps it for as long as its `Cache-Control` says. */
  put(key: string, response: Response): Promise<void>;
  delete(key: string): Promise<void>;
}

/** A cache that is always empty. */
export const NO_READER_CACHE: ReaderCache = {
  match: () => Promise.resolve(null),
  put: () => Promise.resolve(),
  delete: () => Promise.resolve(),
};

const MATCH_MS = 1_000;

/** Asks caches in turn, the nearest first; copies what a far one has to the near ones. */
export function layerCaches(near: ReaderCache, far: ReaderCache): ReaderCache {
  return {
    async match(key) {
      const known = await near.match(key);
      if (known) return known;
      const found = await far.match(key);
      if (found) await near.put(key, found.clone());
      return found;
    },
    async put(key, response) {
      await near.put(key, response.clone());
      await far.put(key, response);
    },
    async delete(key) {
      await near.delete(key);
      await far.delete(key);
    },
  };
}

/** Treats a cache that fails or hangs as an empty one. */
export function forgiveFailures(cache: ReaderCache, log: Log): ReaderCache {
  const forgiven = async <T>(work: Promise<T>, instead: T): Promise<T> => {
    try {
      return await within(work, MATCH_MS, "The cache");
    } catch (cause) {
      log({ level: "error", message: "The cache failed", cause });
      return instead;
    }
  };
  return {
    match: (key) => forgiven(cache.match(key), null),
    put: (key, response) => forgiven(cache.put(key, response), undefined),
    delete: (key) => forgiven(cache.delete(key), undefined),
  };
}
