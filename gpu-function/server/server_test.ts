import assert from "node:assert/strict";
import {
  createServerSentDecoder,
  decodeOutput,
  type GenerationEvent,
  LIMITS,
  type Prediction,
  type Problem,
  type ServerSentMessage,
} from "../../contract/mod.ts";
import { FakeClock } from "../fixtures/fake_clock.ts";
import { PacedEngine } from "../fixtures/paced_engine.ts";
import { SERVICE_LIMITS } from "../fixtures/service_limits.ts";
import type { LogRecord } from "../jobs/log_record.ts";
import { createMetrics } from "./metrics.ts";
import { createServer } from "./server.ts";
import { GenerationService, type ServiceLimits } from "../jobs/service.ts";

const STEPS = 3;
const EVENTS = STEPS + 4;
const input = (seed: number) => ({
  model: "fixture",
  prompt: "a blue bird",
  seed,
  num_inference_steps: STEPS,
});

interface SetUp {
  readonly permits?: number;
  readonly limits?: Partial<ServiceLimits>;
  /** Whether the engine is there; so by default. */
  readonly started?: boolean;
}

function setUp({ started = true, ...options }: SetUp = {}) {
  const clock = new FakeClock();
  const records: LogRecord[] = [];
  const engine = new PacedEngine(options);
  const log = (record: LogRecord) => void records.push(record);
  const service = new GenerationService({ ...SERVICE_LIMITS, ...options.limits }, { clock, log });
  if (started) service.start(engine);
  let drawn = 0;
  const app = createServer({
    service,
    metrics: createMetrics(service),
    clock,
    log,
    drawId: () => `drawn-${drawn++}`,
  });
  return { clock, records, engine, service, app };
}

type App = ReturnType<typeof createServer>;
type Headers = Readonly<Record<string, string>>;

async function put(app: App, id: string, seed: number, headers: Headers = {}): Promise<Response> {
  return await app.request(`/predictions/${id}`, {
    method: "PUT",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ input: input(seed) }),
  });
}

const STREAM = { accept: "text/event-stream" };

/** Messages of a stream; of its first chunks only when `count` is given, then the reader leaves. */
async function messages(response: Response, count = Infinity): Promise<ServerSentMessage[]> {
  assert.equal(response.status, 200);
  assert(response.body);
  const decoder = createServerSentDecoder();
  const found: ServerSentMessage[] = [];
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
    found.push(...decoder.feed(text));
    if (found.length >= count) break;
  }
  return found;
}

function outputs(found: readonly ServerSentMessage[]): { id: number; event: GenerationEvent }[] {
  return found.filter(({ event }) => event === "output").map((message) => {
    const event = decodeOutput(message);
    assert(event.ok && event.value && message.id !== null);
    return { id: message.id, event: event.value };
  });
}

async function problem(response: Response, status: number): Promise<Problem> {
  assert.equal(response.status, status);
  assert.equal(response.headers.get("content-type"), "application/problem+json");
  const body: Problem = await response.json();
  assert.equal(body.status, status);
  assert(body.request_id);
  return body;
}

Deno.test("PUT /predictions/{id} as a stream: start, numbered outputs, completed", async () => {
  const { app } = setUp({ permits: STEPS });
  const response = await put(app, "a", 1, STREAM);
  assert.equal(response.headers.get("content-type"), "text/event-stream; charset=utf-8");
  assert.equal(response.headers.get("x-accel-buffering"), "no");
  assert.match(response.headers.get("cache-control") ?? "", /no-store/);
  const found = await messages(response);
  assert.deepEqual(found.map(({ event }) => event), [
    "start",
    ...Array<string>(EVENTS).fill("output"),
    "completed",
  ]);
  assert.deepEqual(JSON.parse(found[0]?.data ?? ""), { id: "a", status: "processing" });
  assert.deepEqual(outputs(found).map(({ id }) => id), [...Array(EVENTS).keys()]);
  const last = JSON.parse(found.at(-1)?.data ?? "");
  assert.equal(last.status, "succeeded");
  assert(!("output" in last), "the outputs would go over the wire twice");
});

// The edge resumes after a broken connection; anything but the exact rest corrupts its log.
Deno.test("Last-Event-ID resumes after every cursor, of a running and of a finished job", async () => {
  for (let after = 0; after <= EVENTS; after++) {
    const { app, engine, service } = setUp();
    const early = put(app, "a", 1, { ...STREAM, "last-event-id": `${after}` });
    const running = messages(await early);
    engine.runs[0]?.permit(STEPS);
    const rest = Array.from({ length: Math.max(EVENTS - after - 1, 0) }, (_, i) => after + 1 + i);
    assert.deepEqual(outputs(await running).map(({ id }) => id), rest);
    const late = { headers: { ...STREAM, "last-event-id": `${after}` } };
    const finished = await messages(await app.request("/predictions/a", late));
    assert.deepEqual(outputs(finished).map(({ id }) => id), rest);
    assert.equal(finished.at(-1)?.event, "completed");
    assert.equal(service.tally.started, 1);
  }
});

Deno.test("A Last-Event-ID that is no cursor is refused by name", async () => {
  const { app } = setUp();
  const response = await put(app, "a", 1, { ...STREAM, "last-event-id": "latest" });
  assert.equal((await problem(response, 400)).errors?.[0]?.field, "Last-Event-ID");
});

Deno.test("PUT /predictions/{id} without a stream waits for the end and brings all outputs", async () => {
  const { app, engine } = setUp();
  const answer = put(app, "a", 1);
  while (engine.runs.length === 0) await Promise.resolve();
  engine.runs[0]?.permit(STEPS);
  const response = await answer;
  assert.equal(response.status, 200);
  const prediction: Prediction = await response.json();
  assert.deepEqual([prediction.id, prediction.status], ["a", "succeeded"]);
  assert.equal(prediction.output.length, EVENTS);
  assert.deepEqual(prediction.metrics, { predict_time: 1.5 });
  assert.equal(prediction.created_at, "2026-01-01T00:00:00.000Z");
});

Deno.test("The log of a job names the request that began it, not those that joined", async () => {
  const { app, records } = setUp({ permits: STEPS });
  await (await put(app, "p", 1, { "x-request-id": "first" })).text();
  await (await put(app, "p", 1, { "x-request-id": "second" })).text();
  const shown = records.map(({ message, request_id }) => [message, request_id]);
  assert.deepEqual(shown, [["generation.started", "first"], ["generation.finished", "first"]]);
});

Deno.test("Prefer: respond-async answers 202 at once, and the prediction can be polled", async () => {
  const { app, engine } = setUp();
  const response = await put(app, "a", 1, { prefer: "respond-async, wait=5" });
  assert.equal(response.status, 202);
  assert.equal((await response.json()).status, "starting");
  engine.runs[0]?.permit(STEPS);
  await messages(await app.request("/predictions/a", { headers: STREAM }));
  const polled = await app.request("/predictions/a");
  assert.equal((await polled.json()).status, "succeeded");
});

Deno.test("POST /predictions draws the id", async () => {
  const { app } = setUp({ permits: STEPS });
  const post = async () => {
    const response = await app.request("/predictions", {
      method: "POST",
      headers: { "content-type": "application/json; charset=utf-8", "x-request-id": "mine" },
      body: JSON.stringify({ input: input(1) }),
    });
    assert.equal(response.headers.get("x-request-id"), "mine");
    return (await response.json()).id;
  };
  assert.deepEqual([await post(), await post()], ["drawn-0", "drawn-1"]);
});

Deno.test("A stream whose reader leaves frees its place; the job goes on", async () => {
  const { app, engine, service } = setUp();
  const found = await messages(await put(app, "a", 1, STREAM), 3);
  assert.deepEqual(outputs(found).map(({ id }) => id), [0, 1]);
  assert.equal(service.tally.readers, 0);
  engine.runs[0]?.permit(STEPS);
  await messages(await app.request("/predictions/a", { headers: STREAM }));
  assert.equal(service.find("a")?.state.phase, "succeeded");
});

Deno.test("A client that leaves before its stream begins, or asks with HEAD, keeps no place", async () => {
  const { app, service } = setUp();
  await put(app, "a", 1, { prefer: "respond-async" });
  const leave = new AbortController();
  await app.request("/predictions/a", { headers: STREAM, signal: leave.signal });
  assert.equal(service.tally.readers, 1);
  leave.abort();
  assert.equal(service.tally.readers, 0);
  const head = await app.request("/predictions/a", { method: "HEAD", headers: STREAM });
  assert.equal(head.status, 200);
  assert.equal(service.tally.readers, 0);
});

Deno.test("A client that gives up waiting for JSON frees its place; the job goes on", async () => {
  const { app, engine, service } = setUp();
  const leave = new AbortController();
  const answer = app.request("/predictions/a", {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ input: input(1) }),
    signal: leave.signal,
  });
  while (service.tally.readers === 0) await Promise.resolve();
  leave.abort();
  await answer;
  assert.equal(service.tally.readers, 0);
  assert.equal(engine.runs[0]?.signal.aborted, false);
});

Deno.test("A silent stream says what the job does, every LIMITS.heartbeatMs, and no timer stays", async () => {
  const { app, engine, clock } = setUp();
  const response = await put(app, "a", 1, { ...STREAM, "last-event-id": "1" });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  const read = async (): Promise<string> => (await reader.read()).value ?? "";
  assert.match(await read(), /^event: start\n/);
  const readAfter = async (ms: number) => {
    const next = read();
    while (clock.timers === 0) await Promise.resolve();
    clock.advance(ms - 1);
    assert.equal(clock.timers, 1);
    clock.advance(1);
    const [, data = ""] = (await next).match(/^event: generation.progress\ndata: (.+)\n\n$/) ?? [];
    return JSON.parse(data);
  };
  // What is new is said after half a second of silence.
  const begun = await readAfter(500);
  assert.deepEqual([begun.activity, begun.rows_done, begun.row_ms], ["denoising", 0, null]);
  for (let beat = 1; beat <= 2; beat++) {
    assert.equal((await readAfter(LIMITS.heartbeatMs)).still_ms, 500 + beat * LIMITS.heartbeatMs);
  }
  engine.runs[0]?.permit(1);
  assert.match(await read(), /^id: 2\nevent: output\n/);
  const stepped = await readAfter(500);
  assert.deepEqual([stepped.rows_done, stepped.row_ms, stepped.still_ms], [2, 10_250, 500]);
  await reader.cancel();
  while (clock.timers > 0) await Promise.resolve();
});

// Ten thousand idle tabs would otherwise hold ten thousand copies of every preview.
Deno.test("A reader that does not read holds nothing, and all readers share one frame", async () => {
  const { app, engine, service, clock } = setUp();
  const bodies = [await put(app, "a", 1, STREAM), await put(app, "a", 1, STREAM)]
    .map(({ body }) => body!.getReader());
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert.equal(clock.timers, 0, "it ran ahead to the next event");
  engine.runs[0]?.permit(STEPS);
  while (!service.find("a")?.log.ended) await Promise.resolve();
  const chunks: Uint8Array[][] = [];
  for (const body of bodies) {
    const own: Uint8Array[] = [];
    for (let next; !(next = await body.read()).done;) own.push(next.value);
    chunks.push(own);
  }
  assert.equal(chunks[0]?.length, EVENTS + 2);
  for (let i = 1; i <= EVENTS; i++) assert.equal(chunks[0]?.[i], chunks[1]?.[i]);
});

Deno.test("POST /predictions/{id}/cancel cancels, is idempotent, and knows who is not there", async () => {
  const { app, engine } = setUp();
  const stream = messages(await put(app, "a", 1, STREAM));
  engine.runs[0]?.permit(1);
  const cancel = (id: string) => app.request(`/predictions/${id}/cancel`, { method: "POST" });
  assert.equal((await cancel("a")).status, 200);
  const found = await stream;
  assert.equal(outputs(found).at(-1)?.event.type, "generation.canceled");
  assert.equal(JSON.parse(found.at(-1)?.data ?? "").status, "canceled");
  assert.equal((await (await cancel("a")).json()).status, "canceled");
  assert.equal((await problem(await cancel("b"), 404)).code, "not_found");
});

Deno.test("Beyond capacity: 503 with Retry-After, for jobs and for readers", async () => {
  const { app, service } = setUp();
  const async = { prefer: "respond-async" };
  for (const seed of [1, 2, 3]) assert.equal((await put(app, `${seed}`, seed, async)).status, 202);
  const refused = await put(app, "4", 4, async);
  assert.equal(refused.headers.get("retry-after"), "2");
  assert.equal((await problem(refused, 503)).code, "at_capacity");
  const open = await Promise.all([1, 2, 3].map(() => put(app, "1", 1, STREAM)));
  for (const mode of [STREAM, {}]) {
    const crowded = await put(app, "1", 1, mode);
    assert.equal(crowded.headers.get("retry-after"), "2");
    assert.equal((await problem(crowded, 503)).code, "at_capacity");
  }
  for (const { body } of open) await body?.cancel();
  assert.equal(service.tally.readers, 0);
});

const body = JSON.stringify({ input: input(1) });
const JSON_TYPE = "application/json";
const REFUSED: readonly (readonly [
  name: string,
  body: BodyInit | null,
  contentType: string | null,
  code: string,
  status: number,
])[] = [
  ["no content type", new TextEncoder().encode(body), null, "unsupported_media_type", 415],
  ["text", body, "text/plain", "unsupported_media_type", 415],
  ["a type that only begins like JSON", body, "application/jsonp", "unsupported_media_type", 415],
  ["another charset", body, `${JSON_TYPE}; charset=utf-16`, "unsupported_media_type", 415],
  ["nothing", null, JSON_TYPE, "invalid_json", 400],
  ["half of it", body.slice(0, 30), JSON_TYPE, "invalid_json", 400],
  ["bytes that are not UTF-8", new Uint8Array([34, 0xff, 34]), JSON_TYPE, "invalid_json", 400],
  ["deep nesting", "[".repeat(60_000), JSON_TYPE, "invalid_json", 400],
  ["an array", "[]", JSON_TYPE, "invalid_request", 400],
  ["null", "null", JSON_TYPE, "invalid_request", 400],
  ["no input", "{}", JSON_TYPE, "invalid_request", 400],
  [
    "an unknown envelope field",
    '{"input":{"prompt":"x"},"webhook":1}',
    JSON_TYPE,
    "invalid_request",
    400,
  ],
  ["an input without a prompt", '{"input":{}}', JSON_TYPE, "invalid_request", 400],
  ["an unknown field", '{"input":{"prompt":"x","promt":1}}', JSON_TYPE, "invalid_request", 400],
  [
    "one byte too many",
    `${body}${" ".repeat(LIMITS.requestBodyBytes + 1 - body.length)}`,
    JSON_TYPE,
    "body_too_large",
    413,
  ],
  ["an endless body", endless(), JSON_TYPE, "body_too_large", 413],
];

/** Has no length, and fails the test when it is read far beyond the limit. */
function endless(): ReadableStream<Uint8Array> {
  let given = 0;
  return new ReadableStream({
    pull(controller) {
      assert((given += 4_096) < 2 * LIMITS.requestBodyBytes, "read on after the limit");
      controller.enqueue(new Uint8Array(4_096).fill(32));
    },
  });
}

for (const [name, body, contentType, code, status] of REFUSED) {
  Deno.test(`A body with ${name} is refused: ${code}`, async () => {
    const { app, engine, records } = setUp();
    const response = await app.request("/predictions/a", {
      method: "PUT",
      headers: contentType ? { "content-type": contentType } : {},
      body,
    });
    const refusal = await problem(response, status);
    assert.equal(refusal.code, code);
    assert(!refusal.detail.includes("blue bird"), "the refusal echoes the prompt");
    assert.equal(engine.runs.length, 0);
    assert.deepEqual(records, []);
  });
}

Deno.test("A body of exactly the limit is taken", async () => {
  const { app } = setUp({ permits: STEPS });
  const padded = body + " ".repeat(LIMITS.requestBodyBytes - body.length);
  const headers = { "content-type": JSON_TYPE };
  const response = await app.request("/predictions/a", { method: "PUT", headers, body: padded });
  assert.equal(response.status, 200);
});

Deno.test("Unknown paths are 404, wrong methods 405 with Allow", async () => {
  const { app } = setUp();
  assert.equal((await problem(await app.request("/nothing"), 404)).code, "not_found");
  assert.equal((await problem(await app.request("/predictions/a"), 404)).code, "not_found");
  for (
    const [method, path, allow] of [
      ["GET", "/predictions", "POST"],
      ["DELETE", "/predictions/a", "GET, HEAD, PUT"],
      ["GET", "/predictions/a/cancel", "POST"],
      ["POST", "/health-check", "GET, HEAD"],
      ["POST", "/live", "GET, HEAD"],
      ["DELETE", "/ready", "GET, HEAD"],
    ] as const
  ) {
    const response = await app.request(path, { method });
    assert.equal(response.headers.get("allow"), allow);
    assert.equal((await problem(response, 405)).code, "method_not_allowed");
  }
});

Deno.test("GET /health-check answers 200 in every state", async () => {
  const { app, service } = setUp();
  const status = async () => {
    const response = await app.request("/health-check");
    assert.equal(response.status, 200);
    return (await response.json()).status;
  };
  assert.equal(await status(), "READY");
  for (const seed of [1, 2]) await put(app, `${seed}`, seed, { prefer: "respond-async" });
  assert.equal(await status(), "BUSY");
  for (const id of ["1", "2"]) service.cancel(id);
  await service.drain();
  assert.equal(await status(), "DRAINING");
});

Deno.test("GET /live answers 200 in every state, GET /ready only where work is taken", async () => {
  const states: [string, number][] = [];
  const look = async (app: App) => {
    const live = await app.request("/live");
    assert.equal(live.status, 200);
    const ready = await app.request("/ready");
    const { status } = await ready.json();
    assert.equal((await live.json()).status, status);
    states.push([status, ready.status]);
  };
  const { app, service } = setUp();
  await look(app);
  for (const seed of [1, 2]) await put(app, `${seed}`, seed, { prefer: "respond-async" });
  await look(app);
  for (const id of ["1", "2"]) service.cancel(id);
  await service.drain();
  await look(app);
  const waiting = setUp({ started: false });
  await look(waiting.app);
  waiting.service.failSetup("no model fits");
  await look(waiting.app);
  assert.deepEqual(states, [
    ["READY", 200],
    ["BUSY", 200],
    ["DRAINING", 503],
    ["STARTING", 503],
    ["SETUP_FAILED", 503],
  ]);
});

Deno.test("GET / and GET /models describe the service", async () => {
  const { app } = setUp();
  const discovery = await (await app.request("/")).json();
  assert.equal(discovery.predictions_idempotent_url, "/predictions/{prediction_id}");
  const { models } = await (await app.request("/models")).json();
  assert.deepEqual(models.map(({ id }: { id: string }) => id), ["fixture"]);
});

Deno.test("GET /metrics counts jobs by outcome, rows, runs and readers", async () => {
  const { app, engine } = setUp({ permits: STEPS });
  await put(app, "1", 1);
  await put(app, "1", 1);
  await put(app, "bad id", 2);
  engine.counters.inferenceMs = 1_500;
  const open = await put(app, "1", 1, STREAM);
  for (let scrape = 0; scrape < 2; scrape++) {
    const response = await app.request("/metrics");
    assert.match(response.headers.get("content-type") ?? "", /^text\/plain; version=/);
    const lines = (await response.text()).split("\n");
    for (
      const line of [
        "shapefirst_generations_started_total 1",
        "shapefirst_generations_joined_total 2",
        'shapefirst_generations_finished_total{outcome="succeeded"} 1',
        'shapefirst_generations_finished_total{outcome="failed"} 0',
        'shapefirst_requests_refused_total{code="invalid_request"} 1',
        "shapefirst_unet_rows_total 6",
        "shapefirst_unet_runs_total 3",
        "shapefirst_inference_seconds_total 1.5",
        "shapefirst_generations_running 0",
        "shapefirst_generations_queued 0",
        "shapefirst_generations_retained 1",
        "shapefirst_event_readers 1",
      ]
    ) assert(lines.includes(line), line);
  }
  await open.body?.cancel();
});

Deno.test("A bug answers `internal` with a fixed sentence; the cause goes to the log", async () => {
  const { app, engine, records } = setUp();
  engine.plan = () => {
    throw new Error("secret path");
  };
  const refusal = await problem(await put(app, "a", 1), 500);
  assert.equal(refusal.code, "internal");
  assert(!JSON.stringify(refusal).includes("secret"));
  assert.equal(records[0]?.request_id, refusal.request_id);
  assert.equal(records[0]?.cause, "Error: secret path");
});
