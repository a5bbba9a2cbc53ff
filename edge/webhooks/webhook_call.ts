/**
 * Makes one attempt at one webhook, signed as Standard Webhooks (standardwebhooks.com, version 1.0)
 * with the secrets of the account that it was promised to.
 */
import { Webhook } from "standardwebhooks";
import type { DueCall } from "../../db/webhook_queries.ts";
import { accountSecrets } from "./account_secrets.ts";
import type { WebhookSettings } from "./webhook_settings.ts";
import { isPublicAddress } from "./webhook_target.ts";

/** Returns the addresses of a name; null where the platform cannot resolve it. */
export type ResolveHost = ((hostname: string) => Promise<readonly string[]>) | null;

export interface CallPorts {
  readonly settings: WebhookSettings;
  readonly resolveHost: ResolveHost;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** `gone` (410) and `refused` (a private address) are final; `failed` may pass. */
export type CallOutcome = "delivered" | "failed" | "gone" | "refused";

const ANSWER_MS = 10_000;

export type SentCall = Pick<DueCall, "id" | "account" | "url" | "payload">;

/** Never throws, never follows a redirect, never reads the answer's body. */
export async function callWebhook(
  { settings, resolveHost, now }: CallPorts,
  call: SentCall,
): Promise<CallOutcome> {
  const { url, payload } = call;
  try {
    if (!settings.allowPrivate && !await isPublic(resolveHost, url)) return "refused";
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", ...await sign(settings, call, now()) },
      body: payload,
      redirect: "manual",
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    response.body?.cancel().catch(() => {});
    if (response.ok) return "delivered";
    return response.status === 410 ? "gone" : "failed";
  } catch {
    return "failed";
  }
}

/**
 * Resolves anew for each attempt, as the connection does. Between the two a name may change its
 * address (DNS rebinding), so a machine with something to hide also needs a rule on its own way
 * out.
 */
async function isPublic(resolveHost: ResolveHost, url: string): Promise<boolean> {
  const hostname = new URL(url).hostname.replace(/^\[|\]$/g, "");
  const addresses = await resolveHost?.(hostname);
  return addresses?.every(isPublicAddress) ?? true;
}

/**
 * Signs with each of the operator's secrets. @param now epoch milliseconds; the header counts
 * seconds
 */
async function sign(
  settings: WebhookSettings,
  { id, account, payload }: SentCall,
  now: number,
): Promise<Record<string, string>> {
  const secrets = await accountSecrets(settings.secrets, account);
  const signatures = secrets.map((secret) => new Webhook(secret).sign(id, new Date(now), payload));
  return {
    "webhook-id": id,
    "webhook-timestamp": String(Math.floor(now / 1_000)),
    "webhook-signature": signatures.join(" "),
  };
}
