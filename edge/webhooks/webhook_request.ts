/**
 * The field `webhook` beside what is asked for. It is taken off here, so that it reaches neither plan, key
 * nor GPU function: who is told of a result does not change it.
 */
import {
  createFieldProblem,
  type FieldIssue,
  fieldIssue,
  type Parsed,
  refuse,
  showGiven,
} from "../../contract/mod.ts";
import type { WebhookSettings } from "./webhook_settings.ts";
import { parseWebhookTarget } from "./webhook_target.ts";

export interface TakenWebhook {
  /** The body without the field. */
  readonly input: unknown;
  /** Null where there is no webhook. */
  readonly url: string | null;
}

const FIELD = "webhook";

export function takeWebhook(
  body: unknown,
  { secrets, allowPrivate }: WebhookSettings,
): Parsed<TakenWebhook> {
  if (!isRecord(body) || !Object.hasOwn(body, FIELD)) {
    return { ok: true, value: { input: body, url: null } };
  }
  const { [FIELD]: given, ...input } = body;
  if (secrets.length === 0) return refuseField(fieldIssue(FIELD, UNSIGNED, given));
  if (!isRecord(given)) return refuseField(fieldIssue(FIELD, "an object with a url", given));
  const unknown = Object.keys(given).find((name) => name !== "url");
  if (unknown !== undefined) {
    const field = `${FIELD}.${unknown}`;
    const message = `${field} is not a known field, known is url`;
    return refuseField({ field, message, allowed: "url", given: showGiven(given[unknown]) });
  }
  const url = parseWebhookTarget(given.url, { allowPrivate, field: `${FIELD}.url` });
  return url.ok ? { ok: true, value: { input, url: url.value } } : url;
}

const UNSIGNED = "absent, since this service has no WEBHOOK_SECRET to sign webhooks with";

function refuseField(issue: FieldIssue): Parsed<never> {
  return refuse(createFieldProblem("invalid_request", [issue]));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
