/** The stored results on workerd, for requests and rooms alike. */
import type { Results } from "../../../db/result_queries.ts";
import { REMOTE_SLICES } from "../../../db/result_replay.ts";
import { logToConsole } from "../console_log.ts";
import { readSettings } from "../../settings.ts";
import { stackResults } from "../results_stack.ts";
import { type DatabaseEnv, databaseOf } from "./d1_database.ts";
import { readerCacheOfIsolate } from "./isolate_reader_cache.ts";

export function resultsOf(env: DatabaseEnv): Results {
  return stackResults(databaseOf(env), {
    slicing: REMOTE_SLICES,
    log: logToConsole,
    policy: readSettings(env).policy,
    ...readerCacheOfIsolate(),
  });
}
