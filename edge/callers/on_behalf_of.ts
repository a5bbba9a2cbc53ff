/** On whose behalf something runs, for quotas, private results and logs. */
import type { AccountLimits } from "../../contract/mod.ts";

export interface OnBehalfOf {
  /** Whose quotas it counts against: `key_…`, or `anonymous:…` with a hash of the address. */
  readonly account: string;
  /** The id of the request that began it. */
  readonly request_id: string;
  /** What its runs are charged against; absent where they are paid for, as a sweep's branches are. */
  readonly limits?: AccountLimits;
}

/** Of what is charged as part of something else. */
export function paidFor({ account, request_id }: OnBehalfOf): OnBehalfOf {
  return { account, request_id };
}
