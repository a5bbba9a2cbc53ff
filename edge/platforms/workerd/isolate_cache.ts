/** The caches of an isolate: its own, and its data centre's around it. */
import { type ColoCache, forgiveFailures, layerCaches } from "../../cache/colo_cache.ts";
import { HitCounter } from "../../cache/hit_counter.ts";
import { logToConsole } from "../console_log.ts";
import { createProcessCache } from "../process_cache.ts";
import { createWorkersCache } from "./workers_cache.ts";

interface Near {
  readonly cache: ColoCache;
  readonly hits: HitCounter;
}

let near: Near | null = null;

export function nearOfIsolate(): Near {
  return near ??= {
    cache: forgiveFailures(layerCaches(createProcessCache(), createWorkersCache()), logToConsole),
    hits: new HitCounter(),
  };
}
