/** The account on whose behalf something runs, for quotas, private results and logs. */
import type { AccountLimits } from "../../contract/mod.ts";

export interface OnBehalfOf {
  /** The account whose quotas pay: `key_…`, or `anonymous:…` with a hash of the address. */
  readonly account: string;
  /** The id of the request that began it. */
  readonly request_id: string;
  /** The limits of its runs; absent where they are paid for, as a sweep's branches are. */
  readonly limits?: AccountLimits;
  /** The id of the sweep of the account that asks. */
  readonly sweep?: string;
}

/** Returns it for a sweep's branch, which is charged as part of the sweep. */
export function forSweep({ account, request_id }: OnBehalfOf, sweep: string): OnBehalfOf {
  return { account, request_id, sweep };
}
