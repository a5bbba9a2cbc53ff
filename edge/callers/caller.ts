/** Who makes a request. */
import type { AccountLimits } from "../../contract/mod.ts";

export interface Caller {
  /** `key_…`, or `anonymous:…` with a hash of the address. */
  readonly account: string;
  /** Whether it proved so by an API key. */
  readonly keyed: boolean;
  readonly limits: AccountLimits;
}
