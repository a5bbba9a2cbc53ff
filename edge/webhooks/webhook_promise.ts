/** A webhook with an answer: promised before it, withdrawn on a refusal, due at once on a hit. */
import { createProblem } from "../../contract/mod.ts";
import type { EdgeContext } from "../http/request_context.ts";
import { problemResponse } from "../http/problem_response.ts";
import { type EndPorts, findEnd } from "./webhook_settlement.ts";
import type { Webhooks } from "./webhooks.ts";

export interface PromisePorts extends EndPorts {
  readonly webhooks: Webhooks;
  readonly newId: () => string;
  readonly now: () => number;
  readonly keepAlive: (work: Promise<unknown>) => void;
}

interface AskedWebhook {
  /** Null where the request has no webhook. */
  readonly url: string | null;
  /** Address of the generation or sweep that will end. */
  readonly subject: string;
}

export async function answerWithWebhook(
  ports: PromisePorts,
  c: EdgeContext,
  { url, subject }: AskedWebhook,
  answer: () => Promise<Response>,
): Promise<Response> {
  if (url === null) return await answer();
  const { deliveries } = ports.webhooks;
  const { account } = c.get("caller");
  // Under an idempotency key a repetition promises the same call again.
  const id = `msg_${(c.get("idempotencyHash") ?? ports.newId()).slice(0, 36)}`;
  let isNew: boolean;
  try {
    isNew = await deliveries.promise({ id, subject, account, url }, ports.now());
  } catch (cause) {
    const request_id = c.get("requestId");
    ports.log({ level: "error", message: "Promising a webhook failed", request_id, cause });
    return problemResponse(createProblem("storage_unavailable", AWAY));
  }
  const response = await answer();
  // A refused repetition withdraws nothing: the first attempt may be under way.
  if (response.ok || isNew) {
    ports.keepAlive(followUp(ports, { id, subject, refused: !response.ok }));
  }
  return response;
}

const AWAY =
  "The database is not available, so a webhook cannot be promised; ask again shortly, or " +
  "without it";

/** Withdraws the call of a refused request; reports at once an end that had come already. */
async function followUp(
  ports: PromisePorts,
  { id, subject, refused }: { id: string; subject: string; refused: boolean },
): Promise<void> {
  const { webhooks, log } = ports;
  try {
    if (refused) return await webhooks.deliveries.withdraw(id);
    const end = await findEnd(ports, subject);
    if (end) await webhooks.settle(end);
  } catch (cause) {
    log({ level: "error", message: "Following up a webhook failed", webhook: id, cause });
  }
}
