/** The caches as each platform has them: this process, and on workerd the data centre behind it. */
import { type ColoCache, forgiveFailures, layerCaches } from "../cache/colo_cache.ts";
import { HitCounter } from "../cache/hit_counter.ts";
import { createMemoryCache } from "../cache/memory_cache.ts";
import { logToConsole } from "./console_log.ts";
import { createWorkersCache } from "./workerd/workers_cache.ts";

/** An isolate has 128 MB, and rooms live in it as well. */
export function createProcessCache(): ColoCache {
  return createMemoryCache({
    bytesMax: 16 * 1024 * 1024,
    entryBytesMax: 4 * 1024 * 1024,
    now: () => Date.now(),
  });
}

interface Near {
  readonly cache: ColoCache;
  readonly hits: HitCounter;
}

let near: Near | null = null;

/** On workerd, once an isolate. */
export function nearOfIsolate(): Near {
  return near ??= {
    cache: forgiveFailures(layerCaches(createProcessCache(), createWorkersCache()), logToConsole),
    hits: new HitCounter(),
  };
}
