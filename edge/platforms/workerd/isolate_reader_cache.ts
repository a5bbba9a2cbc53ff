/** The reader's cache in an isolate: its own memory, and its data centre's cache around that. */
import { forgiveFailures, layerCaches, type ReaderCache } from "../../cache/reader_cache.ts";
import { HitCounter } from "../../cache/hit_counter.ts";
import { WriteHealth } from "../../cache/write_health.ts";
import { logToConsole } from "../console_log.ts";
import { createProcessCache } from "../process_cache.ts";
import { createWorkersCache } from "./workers_cache.ts";

interface IsolateReaderCache {
  readonly cache: ReaderCache;
  readonly hits: HitCounter;
  readonly writes: WriteHealth;
}

let shared: IsolateReaderCache | null = null;

export function readerCacheOfIsolate(): IsolateReaderCache {
  return shared ??= {
    cache: forgiveFailures(layerCaches(createProcessCache(), createWorkersCache()), logToConsole),
    hits: new HitCounter(),
    writes: new WriteHealth(),
  };
}
