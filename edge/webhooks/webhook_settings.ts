/** The operator's settings for webhooks. */
import { type Environment, readText, wrongSetting } from "../environment.ts";

export interface WebhookSettings {
  /**
   * The accounts' secrets are made from each of these: several while receivers change over. Without
   * one, webhooks are refused.
   */
  readonly secrets: readonly string[];
  /** Lets webhooks go to private addresses, and over http. */
  readonly allowPrivate: boolean;
}

const SECRET_BYTES_MIN = 24;
const SECRET_BYTES_MAX = 64;
const SECRETS_MAX = 3;

/** Reads `WEBHOOK_SECRET`, one or several with commas, and `WEBHOOK_ALLOW_PRIVATE`, 1 or 0. */
export function readWebhookSettings(environment: Environment): WebhookSettings {
  const text = readText(environment, "WEBHOOK_SECRET") ?? "";
  const secrets = text.split(",").map((secret) => secret.trim()).filter(Boolean);
  if (secrets.length > SECRETS_MAX || !secrets.every(isSecret)) {
    const allowed = `1 to ${SECRETS_MAX} secrets with commas between them, each whsec_ and ` +
      `base64 of ${SECRET_BYTES_MIN} to ${SECRET_BYTES_MAX} random bytes`;
    throw new Error(`WEBHOOK_SECRET must be ${allowed}, given another text`);
  }
  const allow = readText(environment, "WEBHOOK_ALLOW_PRIVATE") ?? "0";
  if (allow !== "0" && allow !== "1") throw wrongSetting("WEBHOOK_ALLOW_PRIVATE", "0 or 1", allow);
  return { secrets, allowPrivate: allow === "1" };
}

function isSecret(text: string): boolean {
  const [, encoded] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text) ?? [];
  if (encoded === undefined) return false;
  try {
    const { length } = Uint8Array.fromBase64(encoded, { lastChunkHandling: "strict" });
    return length >= SECRET_BYTES_MIN && length <= SECRET_BYTES_MAX;
  } catch {
    return false;
  }
}
