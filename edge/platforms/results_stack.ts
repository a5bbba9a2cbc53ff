/** The stored results as every part of the edge sees them: the database's, in two wrappers. */
import { createResults, type Results, type SqlDatabase } from "../../db/result_queries.ts";
import type { Slicing } from "../../db/result_replay.ts";
import type { ReaderCache } from "../cache/reader_cache.ts";
import type { WriteHealth } from "../cache/write_health.ts";
import type { Log } from "../observability/log.ts";
import type { HitCounter } from "../cache/hit_counter.ts";
import { cachedResults, dropAnswers } from "../cache/cached_results.ts";
import type { PolicySettings } from "../policy/policy_settings.ts";
import { withholdStored } from "../policy/withheld_images.ts";

export interface ResultsStack {
  readonly policy: PolicySettings;
  readonly cache: ReaderCache;
  readonly hits: HitCounter;
  readonly slicing: Slicing;
  readonly writes: WriteHealth;
  readonly log: Log;
}

/**
 * The inner wrapper withholds flagged images, so that the caches around it never see one. A
 * generation's room uses both: it only writes, which the inner one passes on and the outer one has
 * to see.
 */
export function stackResults(
  database: SqlDatabase,
  { policy, cache, hits, slicing, writes, log }: ResultsStack,
): Results {
  const results = createResults(database, { slicing, onDamage: tellDamage(cache, log) });
  return cachedResults(withholdStored(writes.watch(results), policy), { cache, hits });
}

/** Once for each result, which is gone then; its answers near the reader would lead nowhere. */
function tellDamage(cache: ReaderCache, log: Log) {
  return async (generation: string, part: string) => {
    const message = `The ${part} of a stored result was damaged, so the result is removed`;
    log({ level: "error", message, generation });
    await dropAnswers(cache, generation);
  };
}
