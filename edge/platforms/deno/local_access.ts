/** Identity and limits in one process. */
import { createKeys } from "../../../db/key_queries.ts";
import type { SqlDatabase } from "../../../db/result_queries.ts";
import { createUsage, type Usage } from "../../../db/usage_queries.ts";
import { createIdentify, type Identify } from "../../callers/identify.ts";
import { KeyCheck } from "../../callers/key_check.ts";
import type { Limiters } from "../../limits/limiter_call.ts";
import { createLocalLimiters } from "../../limits/local_limiters.ts";
import { UsageMeter } from "../../limits/usage_meter.ts";
import type { Log } from "../../observability/log.ts";
import type { EdgeSettings } from "../../settings.ts";
import { localAddress } from "../client_address.ts";
import { drawSalt } from "../random.ts";

export interface LocalAccessPorts {
  readonly database: SqlDatabase;
  readonly settings: EdgeSettings;
  readonly log: Log;
}

export interface LocalAccess {
  readonly identify: Identify;
  readonly limiters: Limiters;
  readonly usage: Usage;
  readonly usageMeter: UsageMeter;
  readonly corsOrigins: readonly string[];
}

export function createLocalAccess(
  { database, settings: { identity, tiers, corsOrigins }, log }: LocalAccessPorts,
): LocalAccess {
  const now = () => Date.now();
  const salt = identity.addressSalt ?? drawSalt();
  const keys = createKeys(database);
  const identify = createIdentify({
    keyCheck: new KeyCheck({ keys, limits: tiers.key, now, log }),
    tiers,
    addressOf: localAddress(identity.trustedProxies),
    addressSalt: () => Promise.resolve(salt),
  });
  const usage = createUsage(database);
  const usageMeter = new UsageMeter({ usage, now, log });
  return { identify, limiters: createLocalLimiters(now), usage, usageMeter, corsOrigins };
}
