/** The database as the app sees it: when it fails, the service goes on without it. */
import type { Results } from "../../db/result_queries.ts";
import type { Log } from "../observability/log.ts";

export interface LookupPorts {
  readonly results: Results;
  readonly log: Log;
}

export interface HitPorts extends LookupPorts {
  readonly now: () => number;
  readonly keepAlive: (work: Promise<unknown>) => void;
}

export type Lookup<T> =
  | { readonly available: true; readonly value: T | null }
  | { readonly available: false; readonly value: null };

/** Reads, or reports that the database did not answer: a miss and an outage differ. */
export async function lookUp<T>(
  { results, log }: LookupPorts,
  read: (results: Results) => Promise<T | null>,
): Promise<Lookup<T>> {
  try {
    return { available: true, value: await read(results) };
  } catch (cause) {
    log({ level: "error", message: "Reading the database failed", cause });
    return { available: false, value: null };
  }
}

/** Counts a hit, after the reply. */
export function countHit(
  { results, keepAlive, now, log }: HitPorts,
  generation: string,
): void {
  const touched = results.touch(generation, now()).catch((cause) =>
    log({ level: "error", message: "Counting a hit failed", generation, cause })
  );
  keepAlive(touched);
}
