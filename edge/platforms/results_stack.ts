/** The stored results as every part of the edge sees them: the database's, in two wrappers. */
import { createResults, type Results, type SqlDatabase } from "../../db/result_queries.ts";
import type { Slicing } from "../../db/result_replay.ts";
import type { ReaderCache } from "../cache/reader_cache.ts";
import type { WriteHealth } from "../cache/write_health.ts";
import type { HitCounter } from "../cache/hit_counter.ts";
import { cachedResults } from "../cache/cached_results.ts";
import type { PolicySettings } from "../policy/policy_settings.ts";
import { withholdStored } from "../policy/withheld_images.ts";

export interface ResultsStack {
  readonly policy: PolicySettings;
  readonly cache: ReaderCache;
  readonly hits: HitCounter;
  readonly slicing: Slicing;
  readonly writes: WriteHealth;
}

/**
 * The inner wrapper withholds flagged images, so that the caches around it never see one. A
 * generation's room uses both: it only writes, which the inner one passes on and the outer one has
 * to see.
 */
export function stackResults(
  database: SqlDatabase,
  { policy, cache, hits, slicing, writes }: ResultsStack,
): Results {
  return cachedResults(withholdStored(writes.watch(createResults(database, slicing)), policy), {
    cache,
    hits,
  });
}
