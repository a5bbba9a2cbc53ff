/** The Cache API of workerd: one cache in each data centre, under addresses that only we use. */
import type { ReaderCache } from "../../cache/reader_cache.ts";

/** The part of it that we use; TypeScript's own `caches` has no `default`. */
interface PlatformCache {
  match(url: string): Promise<Response | undefined>;
  put(url: string, response: Response): Promise<void>;
  delete(url: string): Promise<boolean>;
}

const urlOf = (key: string) => `https://cache.shapefirst.invalid/${key}`;

export function createWorkersCache(): ReaderCache {
  if (!hasDefault(caches)) throw new Error("Only workerd has one cache in each data centre");
  const { default: cache } = caches;
  return {
    match: async (key) => await cache.match(urlOf(key)) ?? null,
    put: (key, response) => cache.put(urlOf(key), response),
    delete: async (key) => void await cache.delete(urlOf(key)),
  };
}

function hasDefault(storage: object): storage is { readonly default: PlatformCache } {
  return "default" in storage;
}
