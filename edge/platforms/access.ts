/**
 * Identifies callers and applies their limits: the same on every platform, from parts that differ.
 */
import { createKeys } from "../../db/key_queries.ts";
import type { SqlDatabase } from "../../db/result_queries.ts";
import { createUsage, type Usage } from "../../db/usage_queries.ts";
import { createIdentify, type Identify, type IdentifyPorts } from "../callers/identify.ts";
import { KeyCheck } from "../callers/key_check.ts";
import type { Limiters } from "../limits/limiter_call.ts";
import { createWrongKeys } from "../limits/wrong_key_limiter.ts";
import { UsageMeter } from "../limits/usage_meter.ts";
import { OpenStreams } from "../limits/open_streams.ts";
import type { Log } from "../observability/log.ts";
import type { EdgeSettings } from "../settings.ts";

export interface AccessParts extends Pick<IdentifyPorts, "addressOf" | "addressSalt"> {
  readonly database: SqlDatabase;
  readonly settings: Pick<EdgeSettings, "tiers" | "corsOrigins" | "streamsMax">;
  readonly limiters: Limiters;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly log: Log;
  readonly keepAlive: (work: Promise<unknown>) => void;
}

export interface Access {
  readonly identify: Identify;
  readonly limiters: Limiters;
  readonly streams: OpenStreams;
  readonly usage: Usage;
  readonly usageMeter: UsageMeter;
  readonly corsOrigins: readonly string[];
}

/** Made once per process or isolate, since it remembers keys and gathers usage. */
export function createAccess(
  {
    database,
    settings: { tiers, corsOrigins, streamsMax },
    limiters,
    now,
    log,
    keepAlive,
    ...address
  }: AccessParts,
): Access {
  const keyCheck = new KeyCheck({
    keys: createKeys(database),
    limits: tiers.key,
    wrongKeys: createWrongKeys(now),
    now,
    log,
    keepAlive,
  });
  const usage = createUsage(database);
  return {
    identify: createIdentify({ keyCheck, tiers, ...address }),
    limiters,
    streams: new OpenStreams({ max: streamsMax, now }),
    usage,
    usageMeter: new UsageMeter({ usage, now, log }),
    corsOrigins,
  };
}
