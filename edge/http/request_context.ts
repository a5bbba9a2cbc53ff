/** What the middleware knows of a request by the time a route runs. */
import type { Context, Hono } from "hono";
import type { RequestIdVariables } from "hono/request-id";
import type { Parsed } from "../../contract/mod.ts";
import type { Caller } from "../callers/caller.ts";
import type { CacheOutcome } from "../observability/request_record.ts";
import type { OnBehalfOf } from "../callers/on_behalf_of.ts";

export interface EdgeVariables extends RequestIdVariables {
  /** The answer's origin; absent where the request asked for no generation or sweep. */
  readonly cache?: CacheOutcome;
  readonly caller: Caller;
  /** Set once a generation or sweep is answered: by its run, or from the store. */
  readonly answeredBy?: "room" | "store";
  /**
   * Set on a POST, which reports a wrong key together with other wrong fields; null without one.
   */
  readonly idempotencyKey: Parsed<string | null>;
  /**
   * Returns the seed for a request that leaves it out: its idempotency key's own, or a fresh one.
   */
  readonly drawSeed: () => number;
  /**
   * The resource that its idempotency key led to before; null without one, or before it is known.
   */
  readonly keptLocation: string | null;
  /**
   * Hash of its account and idempotency key, the same as long as the key lasts; null without one.
   */
  readonly idempotencyHash: string | null;
}

export interface EdgeEnv {
  readonly Variables: EdgeVariables;
}

export type EdgeApp = Hono<EdgeEnv>;
export type EdgeContext = Context<EdgeEnv>;

/** The account that results are read for: private ones show to their owner alone. */
export function readerOf(c: EdgeContext): string {
  return c.get("caller").account;
}

export function onBehalfOf(c: EdgeContext): OnBehalfOf {
  const { account, limits } = c.get("caller");
  return { account, request_id: c.get("requestId"), limits };
}
