/** What is known of a request when its answer begins: for the log, for metrics. Never a prompt or an address. */

/** Where an answer came from: stored, from a run that others had begun, or from one begun for it. */
export type CacheOutcome = "hit" | "join" | "miss";

export interface RequestRecord {
  readonly request_id: string;
  readonly method: string;
  /** The pattern of the route, such as `/v1/generations/:id`; null where there is none. */
  readonly route: string | null;
  readonly status: number;
  /** Until the answer's headers, which for a stream is long before its end. */
  readonly ms: number;
  /** Null where nobody had to say who calls. */
  readonly account: string | null;
  /** Address of the generation or sweep that it is about. */
  readonly subject: string | null;
  /** Null where nothing was asked to be made. */
  readonly cache: CacheOutcome | null;
}

/** The routes that machines ask all the time; they are counted, and logged when they fail. */
const QUIET_ROUTES: readonly (string | null)[] = ["/health", "/metrics", null];

export function isWorthLogging({ route, status }: RequestRecord): boolean {
  return status >= 400 || !QUIET_ROUTES.includes(route);
}
