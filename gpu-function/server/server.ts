/** The service over HTTP, in Cog's words. A skin: it reads requests and writes answers, no more. */
import { type Context, Hono, type Next } from "hono";
import { bodyLimit } from "hono/body-limit";
import { requestId, type RequestIdVariables } from "hono/request-id";
import type { Registry } from "prom-client";
import * as v from "valibot";
import {
  accept,
  acceptsStream,
  createFieldProblem,
  createProblem,
  ERROR_TABLE,
  type FieldIssue,
  fieldIssue,
  LIMITS,
  type Parsed,
  parseEventId,
  type Prediction,
  type Problem,
  ProblemError,
  refuse,
  refuseBodyFields,
  showGiven,
} from "../../contract/mod.ts";
import type { Clock } from "../jobs/clock.ts";
import type { EventReader } from "../jobs/event_log.ts";
import { summarizeJob } from "../jobs/job.ts";
import { describeCause, type LogSink } from "../jobs/log_record.ts";
import type { CallVerifier } from "./request_signature.ts";
import { streamPrediction } from "./prediction_stream.ts";
import type { GenerationService, Job } from "../jobs/service.ts";

export interface ServerPorts {
  readonly service: GenerationService;
  readonly metrics: Registry;
  readonly clock: Clock;
  readonly log: LogSink;
  /** A fresh id for `POST /predictions` and for requests without one. */
  readonly drawId: () => string;
  /** Null: calls are not signed. */
  readonly verifier?: CallVerifier | null;
}

type Variables = { Variables: RequestIdVariables };
type Reply = Response | Promise<Response>;

const RETRY_AFTER_SECONDS = 2;
const SERVICE_NAME = "shapefirst-gpu-function";

export function createServer(ports: ServerPorts): Hono<Variables> {
  const { service, metrics, log, drawId, verifier = null } = ports;
  const app = new Hono<Variables>();
  const limit = bodyLimit({
    maxSize: LIMITS.requestBodyBytes,
    onError: (c) => problemReply(c, bodyTooLarge()),
  });
  app.use(requestId({ generator: drawId }));
  if (verifier) app.use("/predictions/*", limit, (c, next) => verify(c, verifier, next));
  app.put("/predictions/:id", limit, (c) => predict(c, ports, c.req.param("id")));
  app.post("/predictions", limit, (c) => predict(c, ports, drawId()));
  app.get("/predictions/:id", (c) => {
    const job = service.find(c.req.param("id"));
    if (!job) return problemReply(c, noPrediction(c.req.param("id")));
    return wantsStream(c) ? replyStream(c, ports, job) : c.json(describeJob(job));
  });
  app.post("/predictions/:id/cancel", (c) => {
    const job = service.cancel(c.req.param("id"));
    if (!job) return problemReply(c, noPrediction(c.req.param("id")));
    return c.json(summarizeJob(job.id, job.state));
  });
  app.get("/health-check", (c) => c.json(describeHealth(service)));
  app.get("/live", (c) => c.json({ status: service.health }));
  app.get("/ready", (c) => {
    const { health } = service;
    const isReady = health === "READY" || health === "BUSY";
    return c.json({ status: health }, isReady ? 200 : 503);
  });
  app.get("/models", (c) => {
    const { models = [], unavailable = [] } = service.engine ?? {};
    return c.json({ models, unavailable });
  });
  app.get(
    "/metrics",
    async (c) => c.body(await metrics.metrics(), 200, { "content-type": metrics.contentType }),
  );
  app.get("/", (c) => c.json(DISCOVERY));
  refuseOtherMethods(app);
  app.notFound((c) => problemReply(c, createProblem("not_found", `Nothing at ${c.req.path}`)));
  app.onError((cause, c) => {
    if (cause instanceof ProblemError) return problemReply(c, cause.problem);
    const request_id = c.get("requestId");
    log({ level: "error", message: "request.broke", request_id, ...describeCause(cause) });
    return problemReply(c, createProblem("internal", "The GPU function failed; see its log"));
  });
  return app;
}

/** Only predictions are verified. Health, metrics and models are open to all who reach them. */
async function verify(
  c: Context<Variables>,
  verifier: CallVerifier,
  next: Next,
): Promise<Response | void> {
  const { pathname, search } = new URL(c.req.url);
  const refusal = await verifier.refusal({
    method: c.req.method,
    path: pathname + search,
    headers: c.req.raw.headers,
    body: async () => new Uint8Array(await c.req.arrayBuffer()),
  });
  return refusal ? problemReply(c, refusal) : await next();
}

async function predict(c: Context<Variables>, ports: ServerPorts, id: string): Promise<Response> {
  const envelope = await readEnvelope(c);
  if (!envelope.ok) return problemReply(c, envelope.problem);
  const submission = ports.service.submit(id, envelope.value, c.get("requestId"));
  if (!submission.ok) return problemReply(c, submission.problem);
  const { job } = submission.value;
  if (wantsStream(c)) return replyStream(c, ports, job);
  if (wantsNoWait(c)) return c.json(describeJob(job), 202);
  const reader = job.log.read(null);
  if (!reader) return problemReply(c, tooManyReaders());
  await readToEnd(reader, c.req.raw.signal);
  return c.json(describeJob(job));
}

function wantsStream(c: Context): boolean {
  // An answer to HEAD has no body whose end would close the reader.
  if (c.req.raw.method === "HEAD") return false;
  return acceptsStream(c.req.header("accept"));
}

function wantsNoWait(c: Context): boolean {
  return /(^|,)\s*respond-async\s*(;|,|$)/i.test(c.req.header("prefer") ?? "");
}

/** Waits for the job's end, or for the client to leave: the job goes on without it. */
async function readToEnd(reader: EventReader, signal: AbortSignal): Promise<void> {
  const leave = () => reader.close();
  signal.addEventListener("abort", leave, { once: true });
  while (await reader.next()) { /* only the end matters */ }
  signal.removeEventListener("abort", leave);
}

function replyStream(c: Context<Variables>, { clock, service }: ServerPorts, job: Job): Reply {
  const given = c.req.header("last-event-id");
  const after = parseEventId(given);
  if (given !== undefined && after === null) {
    const issue = fieldIssue("Last-Event-ID", "the id of an event of this stream", given);
    return problemReply(c, createFieldProblem("invalid_request", [issue]));
  }
  const reader = job.log.read(after);
  if (!reader) return problemReply(c, tooManyReaders());
  // A client that leaves before the first byte never pulls, so nothing would be canceled either.
  c.req.raw.signal.addEventListener("abort", () => reader.close(), { once: true });
  const { heartbeatMs } = LIMITS;
  return c.body(
    streamPrediction(job, reader, { clock, heartbeatMs, describe: service.progressOf }),
    200,
    {
      "content-type": "text/event-stream; charset=utf-8",
      // Compression would hold events back until a block is full.
      "cache-control": "no-store, no-transform",
      "x-accel-buffering": "no",
    },
  );
}

const ENVELOPE = "an object with the one field input";
const envelope = v.strictObject({ input: v.unknown() });

async function readEnvelope(c: Context): Promise<Parsed<unknown>> {
  const refusal = refuseBodyFields({
    type: c.req.header("content-type"),
    encoding: c.req.header("content-encoding"),
  });
  if (refusal) return refuse(refusal);
  const body = parseJson(await c.req.arrayBuffer());
  if (!body.ok) return body;
  // The schema would take an array for an object.
  if (Array.isArray(body.value)) {
    return refuse(
      createFieldProblem("invalid_request", [fieldIssue("body", ENVELOPE, body.value)]),
    );
  }
  const result = v.safeParse(envelope, body.value);
  if (result.success) return accept(result.output.input);
  const issues = result.issues.map((issue): FieldIssue => {
    const field = v.getDotPath(issue) ?? "body";
    const allowed = "the one field input";
    if (field === "body") return fieldIssue(field, ENVELOPE, issue.input);
    const given = showGiven(issue.input);
    const message = field === "input"
      ? "input must be given"
      : `${field} is not a known field, known is input`;
    return { field, allowed, given, message };
  });
  return refuse(createFieldProblem("invalid_request", issues));
}

function parseJson(bytes: ArrayBuffer): Parsed<unknown> {
  try {
    return accept(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)));
  } catch {
    // The parser's own message would echo the body, and with it a prompt.
    const detail =
      `The body must be JSON in UTF-8, given were ${bytes.byteLength} bytes that are not`;
    return refuse(createProblem("invalid_json", detail));
  }
}

function problemReply(c: Context<Variables>, problem: Problem): Response {
  const { status, retryable } = ERROR_TABLE[problem.code];
  const body = JSON.stringify({ ...problem, request_id: c.get("requestId") });
  if (status === 503 && retryable) c.header("retry-after", String(RETRY_AFTER_SECONDS));
  return c.body(body, status, { "content-type": "application/problem+json" });
}

function bodyTooLarge(): Problem {
  const detail = `The body must be at most ${LIMITS.requestBodyBytes} bytes long`;
  return createProblem("body_too_large", detail);
}

function tooManyReaders(): Problem {
  return createProblem("at_capacity", "All places for readers of events are taken");
}

function noPrediction(id: string): Problem {
  return createProblem("not_found", `No prediction ${showGiven(id)} is running or retained`);
}

function describeJob({ id, state, log }: Job): Prediction {
  return { ...summarizeJob(id, state), output: log.events };
}

function describeHealth(service: GenerationService) {
  const { health, setupFailure, engine, tally } = service;
  const setup = setupFailure !== null ? "failed" : engine ? "succeeded" : "starting";
  return {
    status: health,
    setup: { status: setup, logs: setupFailure ?? "" },
    models: engine?.models.map(({ id }) => id) ?? [],
    unavailable: engine?.unavailable ?? [],
    determinism_class: engine?.determinismClass ?? null,
    running: tally.running,
    queued: tally.queued,
    progress: service.progress,
  };
}

const DISCOVERY = {
  name: SERVICE_NAME,
  predictions_url: "/predictions",
  predictions_idempotent_url: "/predictions/{prediction_id}",
  predictions_cancel_url: "/predictions/{prediction_id}/cancel",
  health_check_url: "/health-check",
  live_url: "/live",
  ready_url: "/ready",
  models_url: "/models",
  metrics_url: "/metrics",
};

const ALLOWED_METHODS: Readonly<Record<string, string>> = {
  "/predictions": "POST",
  "/predictions/:id": "GET, HEAD, PUT",
  "/predictions/:id/cancel": "POST",
  "/health-check": "GET, HEAD",
  "/live": "GET, HEAD",
  "/ready": "GET, HEAD",
  "/models": "GET, HEAD",
  "/metrics": "GET, HEAD",
  "/": "GET, HEAD",
};

function refuseOtherMethods(app: Hono<Variables>): void {
  for (const [path, allowed] of Object.entries(ALLOWED_METHODS)) {
    app.all(path, (c) => {
      c.header("allow", allowed);
      const detail = `${c.req.path} takes ${allowed}, given ${c.req.method}`;
      return problemReply(c, createProblem("method_not_allowed", detail));
    });
  }
}
