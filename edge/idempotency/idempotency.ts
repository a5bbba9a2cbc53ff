/**
 * `Idempotency-Key` on requests that create something. A row fixes the request's fingerprint and
 * seed; equal requests then have the same content key. So a repetition is answered by the cache, by
 * joining the run, or by running again where there is no result.
 */
import type { Context, MiddlewareHandler } from "hono";
import { createProblem, LIMITS, type Parsed, type Problem, refuse } from "../../contract/mod.ts";
import {
  type IdempotencyKeys,
  type KeyOwner,
  KEYS_MAX,
  type RememberedKey,
} from "../../db/idempotency_queries.ts";
import type { EdgeContext, EdgeEnv } from "../http/request_context.ts";
import { bodyTooLarge, readBytes } from "../http/json_body.ts";
import type { Log } from "../observability/log.ts";
import { problemResponse } from "../http/problem_response.ts";
import { readIdempotencyKey } from "./idempotency_key.ts";

export interface IdempotencyPorts {
  readonly idempotency: IdempotencyKeys;
  readonly now: () => number;
  /** An integer from 0 to `LIMITS.seedMax`. */
  readonly drawSeed: () => number;
  readonly log: Log;
  readonly keepAlive: (work: Promise<unknown>) => void;
}

const REPLAYED = "idempotency-replayed";
/** Refusals that a repetition would meet again. */
const KEPT_STATUSES: readonly number[] = [400, 422];
/** These say how the answer is read, so another attempt under the key may change them. */
const BESIDE_THE_BODY: readonly string[] = ["Last-Event-ID", "pace"];

export function keepIdempotent(ports: IdempotencyPorts): MiddlewareHandler<EdgeEnv> {
  return async (c, next) => {
    c.set("drawSeed", ports.drawSeed);
    c.set("keptLocation", null);
    c.set("idempotencyHash", null);
    const header = c.req.method === "POST" ? c.req.header("idempotency-key") : undefined;
    const key = readIdempotencyKey(header ?? null);
    c.set("idempotencyKey", key);
    if (!key.ok || key.value === null) return await next();
    const owner = { account: c.get("caller").account, key: key.value };
    const claimed = await claim(ports, c, owner);
    if (!claimed.ok) return problemResponse(claimed.problem);
    const { first, remembered: { refusal, seed, location, created_at } } = claimed.value;
    if (refusal) return repeatRefusal(refusal.body);
    c.set("drawSeed", () => seed);
    c.set("keptLocation", location);
    c.set("idempotencyHash", await hash(`${owner.account} ${created_at} ${owner.key}`));
    await next();
    if (!first) c.header(REPLAYED, "true");
    if (location === null) await keepOutcome(ports, c.res, owner);
  };
}

/** After a change of the model the key would lead elsewhere, so the request is refused. */
export function movedProblem(c: EdgeContext, location: string): Problem | null {
  const kept = c.get("keptLocation");
  if (kept === null || kept === location) return null;
  const detail = `The Idempotency-Key stands for ${kept}, whose model has changed since; ` +
    "look there, or ask under another key";
  return createProblem("conflict", detail);
}

async function claim(
  { idempotency, now, drawSeed, log }: IdempotencyPorts,
  c: Context<EdgeEnv>,
  owner: KeyOwner,
): Promise<Parsed<{ readonly first: boolean; readonly remembered: RememberedKey }>> {
  const bytes = await readBytes(c.req.raw.body, LIMITS.requestBodyBytes);
  if (!bytes) return bodyTooLarge("more");
  c.req.raw = new Request(c.req.raw, { body: bytes });
  const fingerprint = await hash(`${c.req.method} ${c.req.path} ${await hash(bytes)}`);
  try {
    const asked = { ...owner, fingerprint, seed: drawSeed(), now: now() };
    const claimed = await idempotency.claim(asked);
    if (!claimed) {
      return refuse({ ...createProblem("rate_limited", TOO_MANY), retry_after: RETRY_SECONDS });
    }
    if (claimed.remembered.fingerprint === fingerprint) return { ok: true, value: claimed };
    return refuse(createProblem("idempotency_mismatch", MISMATCH));
  } catch (cause) {
    const request_id = c.get("requestId");
    log({ level: "error", message: "Claiming an idempotency key failed", request_id, cause });
    return refuse(createProblem("storage_unavailable", AWAY));
  }
}

/** An hour: keys are forgotten one by one, each a day after it came. */
const RETRY_SECONDS = 3_600;
const TOO_MANY = `Idempotency keys of one account must be at most ${KEYS_MAX} in 24 hours, given ` +
  "one more; ask without the key, or again in an hour";
const MISMATCH =
  "The Idempotency-Key must come with the request it came with first: method, path " +
  "and body, byte for byte; given was another";
const AWAY = "The database is not available, so it cannot be promised that the Idempotency-Key " +
  "acts once; ask again shortly, or without the key";

/** Repeats a refusal. The text is a problem that this program wrote. */
function repeatRefusal(body: string): Response {
  const problem: Problem = JSON.parse(body);
  return problemResponse(problem, { [REPLAYED]: "true" });
}

/** Keeps it after the reply: if it were lost, a repetition would come to the same by itself. */
async function keepOutcome(ports: IdempotencyPorts, response: Response, owner: KeyOwner) {
  const { idempotency, log, keepAlive } = ports;
  const outcome = await readOutcome(response);
  if (!outcome) return;
  const keeping = "location" in outcome
    ? idempotency.keepLocation(owner, outcome.location)
    : idempotency.keepRefusal(owner, outcome);
  const message = "Keeping an idempotent outcome failed";
  keepAlive(keeping.catch((cause) => log({ level: "error", message, cause })));
}

type Outcome = { readonly location: string } | { readonly status: number; readonly body: string };

/** Returns null for an outcome that another attempt may change. */
async function readOutcome(response: Response): Promise<Outcome | null> {
  if (KEPT_STATUSES.includes(response.status)) {
    const body = await response.clone().text();
    const { errors = [] }: Problem = JSON.parse(body);
    if (errors.some(({ field }) => BESIDE_THE_BODY.includes(field))) return null;
    return { status: response.status, body };
  }
  const location = response.ok ? response.headers.get("location") : null;
  return location === null ? null : { location };
}

async function hash(of: string | Uint8Array<ArrayBuffer>): Promise<string> {
  const bytes = typeof of === "string" ? new TextEncoder().encode(of) : of;
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
