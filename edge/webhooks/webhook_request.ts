/**
 * The field `webhook` in a request's body. It is taken off here, so that it reaches neither plan,
 * key nor GPU function: a result is the same whoever hears of it.
 */
import {
  accept,
  createFieldProblem,
  type FieldIssue,
  fieldIssue,
  type Parsed,
  refuse,
  unknownFieldIssue,
} from "../../contract/mod.ts";
import type { Caller } from "../callers/caller.ts";
import type { WebhookSettings } from "./webhook_settings.ts";
import { parseWebhookTarget } from "./webhook_target.ts";

export interface TakenWebhook {
  /** The body without the field. */
  readonly input: unknown;
  /** Null where there is no webhook. */
  readonly url: Parsed<string | null>;
}

const FIELD = "webhook";

export function takeWebhook(
  body: unknown,
  settings: WebhookSettings,
  caller: Pick<Caller, "keyed">,
): TakenWebhook {
  if (!isRecord(body) || !Object.hasOwn(body, FIELD)) return { input: body, url: accept(null) };
  const { [FIELD]: given, ...input } = body;
  return { input, url: parseWebhook(given, settings, caller) };
}

function parseWebhook(
  given: unknown,
  { secrets, allowPrivate }: WebhookSettings,
  { keyed }: Pick<Caller, "keyed">,
): Parsed<string> {
  if (secrets.length === 0) return refuseFields([fieldIssue(FIELD, UNSIGNED, given)]);
  if (!keyed) return refuseFields([fieldIssue(FIELD, KEYLESS, given)]);
  if (!isRecord(given)) return refuseFields([fieldIssue(FIELD, "an object with a url", given)]);
  const { url, ...unknown } = given;
  const target = parseWebhookTarget(url, { allowPrivate, field: `${FIELD}.url` });
  const issues = Object.entries(unknown)
    .map(([name, value]) => unknownFieldIssue(`${FIELD}.${name}`, ["url"], value));
  if (issues.length === 0) return target;
  return refuseFields([...target.ok ? [] : target.problem.errors ?? [], ...issues]);
}

const UNSIGNED = "absent, since this service has no WEBHOOK_SECRET to sign webhooks with";
const KEYLESS = "absent without an API key, since the secret of its account signs the call";

function refuseFields(issues: readonly FieldIssue[]): Parsed<never> {
  return refuse(createFieldProblem("invalid_request", issues));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
