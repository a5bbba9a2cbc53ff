/** The stored results on workerd, for requests and rooms alike. */
import type { Results } from "../../../db/result_queries.ts";
import { readSettings } from "../../settings.ts";
import { stackResults } from "../results_stack.ts";
import { type DatabaseEnv, databaseOf } from "./d1_database.ts";
import { readerCacheOfIsolate } from "./isolate_reader_cache.ts";

export function resultsOf(env: DatabaseEnv): Results {
  return stackResults(databaseOf(env), {
    policy: readSettings(env).policy,
    ...readerCacheOfIsolate(),
  });
}
