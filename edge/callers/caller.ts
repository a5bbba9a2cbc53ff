/** Who makes a request. */
import type { AccountLimits } from "../../contract/mod.ts";

export interface Caller {
  /** `key_…`, or `anonymous:…` with a hash of the address. */
  readonly account: string;
  /** Whether it proved so by an API key. */
  readonly keyed: boolean;
  readonly limits: AccountLimits;
}

/** What callers may use, by how much is known of them. */
export interface TierLimits {
  /** Callers without a key, each address by itself. */
  readonly anonymous: AccountLimits;
  /** Callers without a key on the machine itself: whoever runs the service there to try it. */
  readonly loopback: AccountLimits;
  /** Callers whose key has no limits of its own. */
  readonly key: AccountLimits;
}
