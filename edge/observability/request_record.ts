/**
 * What is known of a request when its answer begins, for the log and for metrics. It leaves out
 * prompts and addresses.
 */

/** The origin of an answer: the store, a run that others had begun, or a run begun for it. */
export type CacheOutcome = "hit" | "join" | "miss";

export interface RequestRecord {
  readonly request_id: string;
  readonly method: string;
  /** The pattern of the route, such as `/v1/generations/:id`; null where there is none. */
  readonly route: string | null;
  readonly status: number;
  /** Time until the answer's headers, which for a stream is long before its end. */
  readonly ms: number;
  /** Null where no caller had to be identified. */
  readonly account: string | null;
  /** Address of the generation or sweep that it is about. */
  readonly subject: string | null;
  /** Null where the request asked for no generation or sweep. */
  readonly cache: CacheOutcome | null;
}

/** Monitoring asks these routes all the time; they are counted, but logged only when they fail. */
const QUIET_ROUTES: readonly (string | null)[] = ["/health", "/metrics", null];

export function isWorthLogging({ route, status }: RequestRecord): boolean {
  return status >= 400 || !QUIET_ROUTES.includes(route);
}
