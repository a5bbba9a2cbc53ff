/** The caller of a request. */
import type { AccountLimits } from "../../contract/mod.ts";

export interface Caller {
  /** `key_…`, or `anonymous:…` with a hash of the address. */
  readonly account: string;
  /** Whether an API key proved it. */
  readonly keyed: boolean;
  readonly limits: AccountLimits;
}

/** The limits of each tier of callers. */
export interface TierLimits {
  /** Callers without a key, each address by itself. */
  readonly anonymous: AccountLimits;
  /** Callers without a key on the machine itself, where the operator lets them do more. */
  readonly loopback: AccountLimits;
  /** Callers whose key has no limits of its own. */
  readonly key: AccountLimits;
}
