/** `GET /v1/webhook-secrets`: the secrets that sign the calls to the account of the key. */
import { refuseKeyless } from "../http/access.ts";
import type { EdgeApp } from "../http/request_context.ts";
import type { Ports } from "../ports.ts";
import { jsonResponse } from "../http/problem_response.ts";
import { accountSecrets } from "../webhooks/account_secrets.ts";

export function mountWebhookSecrets(app: EdgeApp, { webhooks }: Pick<Ports, "webhooks">): void {
  app.get("/v1/webhook-secrets", async (c) => {
    const { account, keyed } = c.get("caller");
    if (!keyed) return refuseKeyless("Secrets of webhooks");
    const secrets = await accountSecrets(webhooks.settings.secrets, account);
    return jsonResponse({ account, secrets });
  });
}
