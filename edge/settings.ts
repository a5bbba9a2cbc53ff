/** The operator's settings, from the platform's variables. */
import { readWebhookSettings, type WebhookSettings } from "./webhooks/webhook_settings.ts";
import { type Environment, readText, wrongSetting } from "./environment.ts";
import { type PolicySettings, readPolicySettings } from "./policy/policy_settings.ts";
import { type CacheSettings, readCache } from "./cache/cache_settings.ts";
import { type BackendSettings, readBackend } from "./backends/backend_settings.ts";
import { readCorsOrigins } from "./http/cross_origin.ts";
import { readPublicUrl } from "./http/public_address.ts";
import { type IdentitySettings, readIdentity } from "./callers/identity_settings.ts";
import { readStreamsMax, readTierLimits } from "./limits/limit_settings.ts";
import type { TierLimits } from "./callers/caller.ts";

export interface EdgeSettings {
  /** Base URLs of the GPU functions, at least one. */
  readonly gpuUrls: readonly string[];
  readonly policy: PolicySettings;
  readonly backend: BackendSettings;
  readonly cache: CacheSettings;
  /** How long one call of the database may take. */
  readonly databaseMs: number;
  readonly identity: IdentitySettings;
  readonly tiers: TierLimits;
  /** Streams that may be open in one process. */
  readonly streamsMax: number;
  readonly corsOrigins: readonly string[];
  /** Where clients reach the service; null: where each says it did. */
  readonly publicUrl: string | null;
  readonly webhooks: WebhookSettings;
}

/** @throws Error with one sentence that names the variable, what it allows and what was given */
export function readSettings(environment: Environment): EdgeSettings {
  return {
    gpuUrls: readGpuUrls(environment),
    policy: readPolicySettings(environment),
    backend: readBackend(environment),
    cache: readCache(environment),
    databaseMs: readDatabaseMs(environment),
    identity: readIdentity(environment),
    tiers: readTierLimits(environment),
    streamsMax: readStreamsMax(environment),
    corsOrigins: readCorsOrigins(environment),
    publicUrl: readPublicUrl(environment),
    webhooks: readWebhookSettings(environment),
  };
}

const DEFAULT_GPU_URL = "http://127.0.0.1:8788";

/** Reads `GPU_URL`: one URL, or several with commas between them. */
function readGpuUrls(environment: Environment): readonly string[] {
  const text = readText(environment, "GPU_URL") ?? DEFAULT_GPU_URL;
  const urls = text.split(",").map((url) => url.trim().replace(/\/+$/, "")).filter(Boolean);
  const wrong = urls.find((url) => !/^https?:$/.test(protocolOf(url)));
  if (urls.length > 0 && wrong === undefined) return [...new Set(urls)];
  throw wrongSetting("GPU_URL", "http or https URLs with commas between them", wrong ?? text);
}

/** Reads `DATABASE_SECONDS`. */
function readDatabaseMs(environment: Environment): number {
  const text = readText(environment, "DATABASE_SECONDS") ?? "5";
  const seconds = /^\d{1,2}$/.test(text) ? Number(text) : 0;
  if (seconds >= 1 && seconds <= 60) return 1_000 * seconds;
  throw wrongSetting("DATABASE_SECONDS", "an integer from 1 to 60", text);
}

function protocolOf(url: string): string {
  return URL.canParse(url) ? new URL(url).protocol : "";
}
