/** Webhooks on workerd: owed in D1, called from wherever an end is noticed. */
import { createWebhookDeliveries } from "../../../db/webhook_queries.ts";
import { readSettings } from "../../settings.ts";
import { createWebhooks, type Webhooks } from "../../webhooks/webhooks.ts";
import { logToConsole } from "../console_log.ts";
import { type DatabaseEnv, databaseOf } from "./d1_database.ts";

export function webhooksOf(
  env: DatabaseEnv,
  keepAlive: (work: Promise<unknown>) => void,
): Webhooks {
  return createWebhooks({
    deliveries: createWebhookDeliveries(databaseOf(env)),
    settings: readSettings(env).webhooks,
    // Workers cannot resolve names; Cloudflare's network leads to no private one.
    resolveHost: null,
    now: () => Date.now(),
    log: logToConsole,
    keepAlive,
  });
}
