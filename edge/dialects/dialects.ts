/** Picks the dialects that the settings ask for. */
import type { BackendSettings } from "../backends/backend_settings.ts";
import type { Dialect } from "../ports.ts";
import { OPENAI_IMAGES } from "./openai/image_routes.ts";
import { replicateWebhook } from "./replicate/replicate_webhook.ts";

export function dialectsOf(
  { backend: { replicate } }: { readonly backend: BackendSettings },
): readonly Dialect[] {
  const secret = replicate?.webhook?.secret;
  return [OPENAI_IMAGES, ...(secret === undefined ? [] : [replicateWebhook(secret)])];
}
