/** The Cache API of workerd: one cache in each data centre, under addresses that only we use. */
import type { ReaderCache } from "../../cache/reader_cache.ts";

/** The part of it that we use; TypeScript's own `caches` has no `default`. */
export interface PlatformCache {
  match(url: string): Promise<Response | undefined>;
  put(url: string, response: Response): Promise<void>;
  delete(url: string): Promise<boolean>;
}

const urlOf = (key: string) => `https://cache.shapefirst.invalid/${key}`;

const HASH = "x-content-sha256";

export function createWorkersCache(): ReaderCache {
  if (!hasDefault(caches)) throw new Error("Only workerd has one cache in each data centre");
  return checkedCache(caches.default);
}

/** Others hold its bytes, so they are compared with their hash before they are believed. */
export function checkedCache(cache: PlatformCache): ReaderCache {
  return {
    async match(key) {
      const found = await cache.match(urlOf(key));
      if (!found) return null;
      const bytes = new Uint8Array(await found.arrayBuffer());
      if (await hashOf(bytes) === found.headers.get(HASH)) {
        return new Response(bytes, { headers: found.headers });
      }
      await cache.delete(urlOf(key));
      return null;
    },
    async put(key, response) {
      const bytes = new Uint8Array(await response.arrayBuffer());
      const headers = new Headers(response.headers);
      headers.set(HASH, await hashOf(bytes));
      await cache.put(urlOf(key), new Response(bytes, { headers }));
    },
    delete: async (key) => void await cache.delete(urlOf(key)),
  };
}

async function hashOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

function hasDefault(storage: object): storage is { readonly default: PlatformCache } {
  return "default" in storage;
}
