/** Webhooks on workerd: owed in D1, called from wherever an end is noticed. */
import { drizzle } from "drizzle-orm/d1";
import { createWebhookDeliveries } from "../../db/webhook_queries.ts";
import { type Environment, readSettings } from "../settings.ts";
import { createWebhooks, type Webhooks } from "../webhooks/webhooks.ts";
import { logToConsole } from "./console_log.ts";

export interface WebhookEnv extends Environment {
  readonly DB: Parameters<typeof drizzle>[0];
}

export function webhooksOf(
  env: WebhookEnv,
  keepAlive: (work: Promise<unknown>) => void,
): Webhooks {
  return createWebhooks({
    deliveries: createWebhookDeliveries(drizzle(env.DB)),
    settings: readSettings(env).webhooks,
    // Workers resolve no names themselves; Cloudflare's network leads to no private one.
    resolveHost: null,
    now: () => Date.now(),
    log: logToConsole,
    keepAlive,
  });
}
