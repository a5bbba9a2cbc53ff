/** The operator's settings for Replicate (`BACKEND=replicate`). */
import { type Environment, readText, wrongSetting } from "../../environment.ts";

/** What runs there: an official model, one version of a model, or a deployment. */
export type ReplicateTarget =
  | { readonly model: string }
  | { readonly version: string }
  | { readonly deployment: string };

export interface ReplicateSettings {
  readonly token: string;
  readonly target: ReplicateTarget;
  /** Null for Replicate itself. */
  readonly baseUrl: string | null;
  /** Receives the end from Replicate, so that a result whose stream was lost is stored. */
  readonly webhook: { readonly url: string; readonly secret: string } | null;
}

/** Returns null where another back end is set. @throws Error that names the variable */
export function readReplicate(environment: Environment): ReplicateSettings | null {
  const backend = readText(environment, "BACKEND") ?? "gpu";
  if (backend === "gpu") return null;
  if (backend !== "replicate") throw wrongSetting("BACKEND", '"gpu" or "replicate"', backend);
  const token = readText(environment, "REPLICATE_API_TOKEN");
  if (token === null) throw wrongSetting("REPLICATE_API_TOKEN", "given", "");
  return {
    token,
    target: readTarget(environment),
    baseUrl: readUrl(environment, "REPLICATE_BASE_URL"),
    webhook: readWebhook(environment),
  };
}

const TARGETS = {
  REPLICATE_MODEL: { pattern: /^[\w.-]+\/[\w.-]+$/, allowed: "owner/name" },
  REPLICATE_DEPLOYMENT: { pattern: /^[\w.-]+\/[\w.-]+$/, allowed: "owner/name" },
  REPLICATE_VERSION: { pattern: /^[0-9a-f]{64}$/, allowed: "64 hex digits" },
} as const;

function readTarget(environment: Environment): ReplicateTarget {
  const names = Object.keys(TARGETS) as (keyof typeof TARGETS)[];
  const given = names.filter((name) => readText(environment, name) !== null);
  const [name] = given;
  if (name === undefined || given.length > 1) {
    const shown = given.length === 0 ? "none" : given.join(" and ");
    throw new Error(`Exactly one of ${names.join(", ")} must be set, given ${shown}`);
  }
  const value = readText(environment, name) ?? "";
  const { pattern, allowed } = TARGETS[name];
  if (!pattern.test(value)) throw wrongSetting(name, allowed, value);
  if (name === "REPLICATE_MODEL") return { model: value };
  return name === "REPLICATE_VERSION" ? { version: value } : { deployment: value };
}

function readWebhook(environment: Environment): ReplicateSettings["webhook"] {
  const url = readUrl(environment, "REPLICATE_WEBHOOK_URL");
  const secret = readText(environment, "REPLICATE_WEBHOOK_SECRET");
  if (url === null && secret === null) return null;
  if (url === null || secret === null) {
    const missing = url === null ? "REPLICATE_WEBHOOK_URL" : "REPLICATE_WEBHOOK_SECRET";
    throw new Error(
      `REPLICATE_WEBHOOK_URL and REPLICATE_WEBHOOK_SECRET belong together, ${missing} is missing`,
    );
  }
  if (/^(whsec_)?[A-Za-z0-9+/]{16,}={0,2}$/.test(secret)) return { url, secret };
  const allowed = 'base64 as Replicate gives it, beginning with "whsec_"';
  throw wrongSetting("REPLICATE_WEBHOOK_SECRET", allowed, `${secret.length} characters`);
}

function readUrl(environment: Environment, name: string): string | null {
  const url = readText(environment, name);
  if (url === null) return null;
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return url;
  throw wrongSetting(name, "an http or https URL", url);
}
