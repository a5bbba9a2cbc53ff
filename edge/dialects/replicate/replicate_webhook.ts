/**
 * `POST /v1/replicate/webhook`: Replicate reports a prediction that has ended. A room that followed
 * it knows already; otherwise the room resumes the run by its place, and stores what it drew.
 */
import { validateWebhook } from "replicate";
import * as v from "valibot";
import {
  createProblem,
  LIMITS,
  parseOwnedRequest,
  planGeneration,
  type Problem,
} from "../../../contract/mod.ts";
import type { PlannedGeneration } from "../../generations/run.ts";
import { readBytes } from "../../http/json_body.ts";
import type { Dialect, Ports } from "../../ports.ts";
import { roomUrl, THE_EDGE } from "../../callers/private_results.ts";
import { problemResponse } from "../../http/problem_response.ts";
import { lookUp } from "../../generations/result_lookup.ts";

/** Calls here have a signature instead of a key, and a larger body than clients may send. */
export function replicateWebhook(secret: string): Dialect {
  return {
    mountBeforeAccess(app, ports) {
      app.post("/v1/replicate/webhook", async (c) => {
        const body = await readSigned(c.req.raw, secret, ports.now());
        if (typeof body !== "string") return problemResponse(body);
        const prediction = v.safeParse(endedPrediction, JSON.parse(body));
        // Other calls leave nothing to do, now or on a retry.
        if (!prediction.success) return new Response(null, { status: 204 });
        return await resumeRun(ports, prediction.output, c.get("requestId"));
      });
    },
  };
}

const endedPrediction = v.object({
  id: v.string(),
  status: v.picklist(["succeeded", "failed", "canceled", "aborted"]),
  input: v.unknown(),
});
type EndedPrediction = v.InferOutput<typeof endedPrediction>;

/**
 * How old a call may be, and how far clocks may differ: the value of the specification's libraries.
 */
const TOLERANCE_SECONDS = 300;

/** Returns the body, when Replicate signed it recently. */
async function readSigned(
  request: Request,
  secret: string,
  now: number,
): Promise<string | Problem> {
  const [id, timestamp, signature] = ["id", "timestamp", "signature"]
    .map((name) => request.headers.get(`webhook-${name}`) ?? "");
  if (!id || !timestamp || !signature) {
    return unauthorized("needs the headers webhook-id, webhook-timestamp and webhook-signature");
  }
  if (!(Math.abs(now / 1_000 - Number(timestamp)) <= TOLERANCE_SECONDS)) {
    return unauthorized(`must have a webhook-timestamp within ${TOLERANCE_SECONDS} seconds of now`);
  }
  // The body holds the outputs, pictures included.
  const bytes = await readBytes(request.body, LIMITS.eventLength);
  if (!bytes) {
    return createProblem("body_too_large", `The body must be at most ${LIMITS.eventLength} bytes`);
  }
  const body = new TextDecoder().decode(bytes);
  const isTheirs = await validateWebhook({ id, timestamp, signature, body, secret })
    .catch(() => false);
  return isTheirs ? body : unauthorized("must be signed by Replicate, given another signature");
}

function unauthorized(what: string): Problem {
  return createProblem("unauthorized", `A webhook ${what}`);
}

async function resumeRun(
  ports: Ports,
  { id: place, status, input }: EndedPrediction,
  request_id: string,
): Promise<Response> {
  const planned = await planInput(ports, input);
  const DONE = new Response(null, { status: 204 });
  if (!planned) return DONE;
  const { id } = planned.plan;
  const stored = await lookUp(ports, (results) => results.has(id));
  if (stored.value) return DONE;
  const known = await askState(ports, id);
  if (known.retry) return problemResponse(known.retry);
  const isLost = known.status === null || known.status === "failed";
  if (!isLost || status !== "succeeded") return DONE;
  const origin = { account: planned.request.owner ?? THE_EDGE, request_id };
  const response = await ports.rooms.fetch(
    id,
    new Request("http://room/join", {
      method: "POST",
      headers: { accept: "text/event-stream" },
      body: JSON.stringify({ ...planned, origin, place }),
    }),
  );
  ports.log({
    level: "info",
    message: "A run was taken up by its end",
    generation: id,
    request_id,
  });
  // The room goes on without this reader.
  if (response.ok) await response.body?.cancel();
  return response.ok ? DONE : response;
}

/**
 * Asks how the room's run stands; the question resumes a run that was lost with the room's process.
 */
async function askState(
  { rooms }: Ports,
  id: string,
): Promise<{ readonly status: string | null; readonly retry?: Problem }> {
  const response = await rooms.fetch(id, new Request(roomUrl("/state", THE_EDGE)));
  if (response.status === 404) return { status: null };
  const body = await response.json();
  return response.ok ? { status: body.status } : { status: null, retry: body };
}

/** Returns null for input that is not ours, or whose model has changed. */
async function planInput({ models }: Ports, input: unknown): Promise<PlannedGeneration | null> {
  const parsed = parseOwnedRequest(input);
  if (!parsed.ok || parsed.value.seed === undefined) return null;
  const model = await models.find(parsed.value.model);
  if (!model) return null;
  const request = { ...parsed.value, seed: parsed.value.seed };
  const plan = planGeneration(request, model);
  return plan.ok ? { request, plan: plan.value } : null;
}
