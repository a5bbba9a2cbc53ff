/** Identity and limits on workerd: what an isolate keeps of them from one request to the next. */
import { waitUntil } from "cloudflare:workers";
import type { EdgeSettings } from "../../settings.ts";
import { type Access, createAccess } from "../access.ts";
import { cloudflareAddress } from "../client_address.ts";
import { logToConsole } from "../console_log.ts";
import { drawSalt } from "../random.ts";
import { type DatabaseEnv, databaseOf } from "./d1_database.ts";
import { durableSalt } from "./durable_limiters.ts";
import { type LimiterEnv, limitersOfIsolate } from "./isolate_limiters.ts";

let access: Access | null = null;

export function accessOfIsolate(env: DatabaseEnv & LimiterEnv, settings: EdgeSettings): Access {
  return access ??= createAccess({
    database: databaseOf(env),
    settings,
    limiters: limitersOfIsolate(env),
    addressOf: cloudflareAddress(settings.identity),
    addressSalt: saltReader(env, settings.identity.addressSalt),
    now: () => Date.now(),
    log: logToConsole,
    keepAlive: (work) => waitUntil(work),
  });
}

function saltReader({ LIMITERS }: LimiterEnv, set: string | null): () => Promise<string> {
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
