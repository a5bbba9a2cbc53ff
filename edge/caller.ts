/** Who makes a request. */

export interface Caller {
  /** `key_…`, or `anonymous:…` with a hash of the address. */
  readonly account: string;
}

export const ANONYMOUS: Caller = { account: "anonymous" };
