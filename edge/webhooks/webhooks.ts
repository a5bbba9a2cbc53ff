/**
 * Webhooks from promise to delivery. A promise is a row before the request is answered, so it
 * survives this process. Each attempt takes the row under a lease, so that only one of several
 * processes calls.
 */
import type { WebhookDeliveries } from "../../db/webhook_queries.ts";
import type { Log } from "../observability/log.ts";
import { type CallOutcome, type CallPorts, callWebhook } from "./webhook_call.ts";
import type { WebhookEnd } from "./webhook_end.ts";
import type { WebhookSettings } from "./webhook_settings.ts";

export interface WebhookPorts extends CallPorts {
  readonly deliveries: WebhookDeliveries;
  readonly log: Log;
  readonly keepAlive: (work: Promise<unknown>) => void;
  /** Counts an attempt. */
  readonly onCall?: (outcome: CallOutcome) => void;
}

export interface Webhooks {
  readonly settings: WebhookSettings;
  readonly deliveries: WebhookDeliveries;
  /** Makes every call due that waits for the ended subject, and tries it after returning. */
  settle(end: WebhookEnd): Promise<void>;
  /** Attempts the calls that are due. */
  deliverDue(): Promise<void>;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** The pause after each failed attempt; the attempt after the last pause is the last. */
export const RETRY_PAUSES_MS: readonly number[] = [
  MINUTE,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  24 * HOUR,
];
/** Longer than an attempt takes; after it another process may try. */
const LEASE_MS = MINUTE;
const AT_ONCE = 20;
const ROUNDS_MAX = 10;

export function createWebhooks(ports: WebhookPorts): Webhooks {
  const { settings, deliveries, now, keepAlive } = ports;
  // Without a secret, calls that are owed wait for one.
  const maySign = settings.secrets.length > 0;
  return {
    settings,
    deliveries,
    async settle({ subject, type, resource }) {
      const timestamp = new Date(now()).toISOString();
      const payload = JSON.stringify({ type, timestamp, data: resource });
      const ids = await deliveries.settle(subject, payload, now());
      if (ids.length > 0 && maySign) keepAlive(Promise.all(ids.map((id) => attempt(ports, id))));
    },
    async deliverDue() {
      if (!maySign) return;
      for (let round = 0; round < ROUNDS_MAX; round++) {
        const ids = await deliveries.due(now(), AT_ONCE);
        await Promise.all(ids.map((id) => attempt(ports, id)));
        if (ids.length < AT_ONCE) return;
      }
    },
  };
}

/** Handles every failure: the call is due again when the lease has ended. */
async function attempt(ports: WebhookPorts, webhook: string): Promise<void> {
  const { deliveries, now, log } = ports;
  try {
    const call = await deliveries.claim(webhook, now(), LEASE_MS);
    if (!call) return;
    const outcome = await callWebhook(ports, call);
    ports.onCall?.(outcome);
    log({ level: "info", message: `A webhook's attempt ${call.attempts}: ${outcome}`, webhook });
    await conclude(ports, { id: webhook, outcome, attempts: call.attempts });
  } catch (cause) {
    log({ level: "error", message: "Delivering a webhook failed", webhook, cause });
  }
}

async function conclude(
  { deliveries, now }: WebhookPorts,
  { id, outcome, attempts }: { id: string; outcome: CallOutcome; attempts: number },
): Promise<void> {
  if (outcome === "delivered") return await deliveries.delivered(id);
  const pause = RETRY_PAUSES_MS[attempts - 1];
  if (outcome !== "failed" || pause === undefined) return await deliveries.giveUp(id);
  await deliveries.retry(id, now() + pause);
}
