/** Identity and limits on workerd: what an isolate keeps of them from one request to the next. */
import { createKeys } from "../../../db/key_queries.ts";
import { createUsage, type Usage } from "../../../db/usage_queries.ts";
import { createIdentify, type Identify } from "../../callers/identify.ts";
import { KeyCheck } from "../../callers/key_check.ts";
import { createHandfulLimiters } from "../../limits/handful_limiters.ts";
import type { Limiters } from "../../limits/limiter_call.ts";
import { createSteadyLimiters } from "../../limits/steady_limiters.ts";
import { UsageMeter } from "../../limits/usage_meter.ts";
import type { EdgeSettings } from "../../settings.ts";
import { cloudflareAddress } from "../client_address.ts";
import { logToConsole } from "../console_log.ts";
import { type DatabaseEnv, databaseOf } from "./d1_database.ts";
import { createDurableLimiters, durableSalt } from "./durable_limiters.ts";
import { drawSalt } from "../random.ts";

export interface AccessEnv extends DatabaseEnv {
  readonly LIMITERS: Parameters<typeof createDurableLimiters>[0];
}

interface Access {
  readonly identify: Identify;
  readonly limiters: Limiters;
  readonly usage: Usage;
  readonly usageMeter: UsageMeter;
  readonly corsOrigins: readonly string[];
}

let access: Access | null = null;

export function accessOfIsolate(env: AccessEnv, settings: EdgeSettings): Access {
  return access ??= createAccess(env, settings);
}

let limiters: Limiters | null = null;

/** Also in the isolates of rooms. */
export function limitersOfIsolate({ LIMITERS }: Pick<AccessEnv, "LIMITERS">): Limiters {
  if (limiters) return limiters;
  const steady = createSteadyLimiters(createDurableLimiters(LIMITERS), CLOCK_AND_LOG);
  return limiters = createHandfulLimiters(steady, CLOCK_AND_LOG.now);
}

const CLOCK_AND_LOG = { now: () => Date.now(), log: logToConsole };

function createAccess(env: AccessEnv, { identity, tiers, corsOrigins }: EdgeSettings): Access {
  const keyCheck = new KeyCheck({
    keys: createKeys(databaseOf(env)),
    limits: tiers.key,
    ...CLOCK_AND_LOG,
  });
  const identify = createIdentify({
    keyCheck,
    tiers,
    addressOf: cloudflareAddress,
    addressSalt: saltReader(env, identity.addressSalt),
  });
  const usage = createUsage(databaseOf(env));
  const usageMeter = new UsageMeter({ usage, ...CLOCK_AND_LOG });
  return { identify, limiters: limitersOfIsolate(env), usage, usageMeter, corsOrigins };
}

function saltReader({ LIMITERS }: AccessEnv, set: string | null): () => Promise<string> {
  let salt = set;
  let standIn: string | null = null;
  return async () => {
    try {
      return salt ??= await durableSalt(LIMITERS);
    } catch (cause) {
      logToConsole({ level: "error", message: "The salt of addresses is away", cause });
      return standIn ??= drawSalt();
    }
  };
}
