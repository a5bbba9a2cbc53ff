/// <reference lib="deno.ns" />
// This tests the client against a server on loopback that drops connections.
import assert from "node:assert/strict";
import { EVENTS, PLAN } from "../contract/fixtures/events.ts";
import { createProblem, ProblemError } from "../contract/problem.ts";
import { PROGRESS, type Progress } from "../contract/events/progress.ts";
import {
  encodeServerSentMessage,
  encodeUnnumberedMessage,
} from "../contract/events/server_sent_events.ts";
import type { SweepEvent } from "../contract/sweep/sweep_event.ts";
import { createApiClient, type GenerationNews } from "./api_client.ts";
import type { Demo } from "./demo.ts";

/** One complete run: up to the first terminal event. */
const RUN = EVENTS.slice(0, EVENTS.findIndex(({ type }) => type === "generation.completed") + 1);

const messages = (from: number, to: number) =>
  RUN.slice(from, to).map((event, i) => encodeServerSentMessage(from + i, event.type, event)).join(
    "",
  );

async function against<T>(
  handler: (request: Request) => Response,
  use: (base: string) => Promise<T>,
): Promise<T> {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, handler);
  try {
    return await use(`http://127.0.0.1:${server.addr.port}`);
  } finally {
    await server.shutdown();
  }
}

async function collect(base: string): Promise<GenerationNews[]> {
  const events: GenerationNews[] = [];
  for await (const event of createApiClient(base, 1).generate({ prompt: "a" })) events.push(event);
  return events;
}

Deno.test("generate() resumes a broken stream after the last event it has", async () => {
  const asked: string[] = [];
  const events = await against((request) => {
    const cursor = request.headers.get("last-event-id");
    asked.push(`${request.method} ${new URL(request.url).pathname} after ${cursor}`);
    // The second connection repeats an event and breaks in the middle of one.
    if (cursor === null) return new Response(messages(0, 2));
    if (cursor === "1") return new Response(messages(1, 4) + messages(4, 5).slice(0, 20));
    return new Response(messages(4, RUN.length));
  }, collect);
  assert.deepEqual(events, RUN);
  const path = `/v1/generations/${PLAN.id}/events`;
  assert.deepEqual(asked, [
    "POST /v1/generations after null",
    `GET ${path} after 1`,
    `GET ${path} after 3`,
  ]);
});

Deno.test("generate() hands on what the run does between its events, and resumes after an event", async () => {
  const progress: Progress = {
    type: PROGRESS,
    activity: "denoising",
    rows_done: 2,
    rows_planned: 30,
    row_ms: 2_000,
    elapsed_ms: 9_000,
    remaining_ms: null,
    still_ms: 500,
  };
  const cursors: (string | null)[] = [];
  const events = await against((request) => {
    const cursor = request.headers.get("last-event-id");
    cursors.push(cursor);
    const noted = messages(0, 2) + encodeUnnumberedMessage(PROGRESS, progress);
    return new Response(cursor === null ? noted : messages(2, RUN.length));
  }, collect);
  assert.deepEqual(events, [...RUN.slice(0, 2), progress, ...RUN.slice(2)]);
  assert.deepEqual(cursors, [null, "1"]);
});

Deno.test("generate() gives up after six attempts to resume", async () => {
  let requests = 0;
  const hangUp = () => new Response(requests++ === 0 ? messages(0, 2) : "");
  await assert.rejects(against(hangUp, collect), /The connection was lost/);
  assert.equal(requests, 1 + 6);
});

Deno.test("generate() has nothing to resume before the generation has a name", async () => {
  let requests = 0;
  const hangUp = () => new Response(requests++ === 0 ? "" : messages(0, 1));
  await assert.rejects(against(hangUp, collect), /The connection was lost/);
  assert.equal(requests, 1);
});

Deno.test("generate() hands on a refusal with its fields", async () => {
  const errors = [{ field: "seed", message: "seed must be less", allowed: "less", given: "9" }];
  const problem = createProblem("invalid_request", "seed must be less", errors);
  const refusal = () => Response.json(problem, { status: problem.status });
  await assert.rejects(
    against(refusal, collect),
    (error) => error instanceof ProblemError && error.problem.errors?.[0]?.field === "seed",
  );
});

Deno.test("A refusal's header says how long to wait, where its body does not", async () => {
  const waitOf = async (header: string, retry_after?: number) => {
    const problem = { ...createProblem("at_capacity", "Busy"), retry_after };
    const headers = { "retry-after": header };
    const refusal = () => Response.json(problem, { status: problem.status, headers });
    const error = await against(refusal, collect).catch((cause) => cause);
    assert(error instanceof ProblemError);
    return error.problem.retry_after;
  };
  assert.equal(await waitOf("2"), 2);
  assert.equal(await waitOf("2", 9), 9);
  assert.equal(await waitOf("Fri, 01 Jan 2027 00:00:00 GMT"), undefined);
});

const DEMO: Demo = {
  slug: "bird",
  title: "A bird",
  plan: PLAN,
  image: { url: `/v1/images/${PLAN.id}.png` },
  links: { events: `/v1/generations/${PLAN.id}/events` },
};

Deno.test("replay() reads the stored run at its pace, also after a break, and submits nothing", async () => {
  const asked: string[] = [];
  const events = await against((request) => {
    const cursor = request.headers.get("last-event-id");
    const { pathname, search } = new URL(request.url);
    asked.push(`${request.method} ${pathname}${search} after ${cursor}`);
    return new Response(cursor === null ? messages(0, 3) : messages(3, RUN.length));
  }, (base) => Array.fromAsync(createApiClient(base, 1).replay(DEMO, AbortSignal.any([]))));
  assert.deepEqual(events, RUN);
  assert.deepEqual(asked, [
    `GET ${DEMO.links.events}?pace=live after null`,
    `GET ${DEMO.links.events}?pace=live after 2`,
  ]);
});

Deno.test("replay() ends quietly when nobody watches any more, and throws what is refused", async () => {
  const leave = new AbortController();
  const open = () => new Response(new ReadableStream({ start: (c) => c.enqueue(FIRST) }));
  const FIRST = new TextEncoder().encode(messages(0, 1));
  const events = await against(open, async (base) => {
    const seen: GenerationNews[] = [];
    for await (const event of createApiClient(base, 1).replay(DEMO, leave.signal)) {
      seen.push(event);
      leave.abort();
    }
    return seen;
  });
  assert.deepEqual(events, RUN.slice(0, 1));
  const problem = createProblem("not_found", "Gone");
  await assert.rejects(
    against(
      () => Response.json(problem, { status: 404 }),
      (base) => Array.fromAsync(createApiClient(base, 1).replay(DEMO, AbortSignal.any([]))),
    ),
    /Gone/,
  );
});

Deno.test("sweep() resumes a broken stream under the sweep's own id", async () => {
  const evaluations = { planned: 2, spent: 2, shared: 0, full: 2, saved: 0 };
  const sweep: SweepEvent[] = [
    {
      type: "sweep.planned",
      id: "5".repeat(64),
      axis: "cutoffs",
      branches: [],
      evaluations: { planned: 2, together: 2, full: 2, saved: 0 },
    },
    { type: "sweep.event", branch: 0, event: { type: "generation.queued", id: PLAN.id } },
    { type: "sweep.completed", id: "5".repeat(64), branches: [], evaluations, cached: false },
  ];
  const frames = sweep.map((event, id) => encodeServerSentMessage(id, event.type, event));
  const asked: string[] = [];
  const events = await against((request) => {
    const cursor = request.headers.get("last-event-id");
    asked.push(`${request.method} ${new URL(request.url).pathname} after ${cursor}`);
    return new Response(cursor === null ? frames.slice(0, 2).join("") : frames.slice(2).join(""));
  }, (base) => Array.fromAsync(createApiClient(base, 1).sweep({ base: { prompt: "a" } })));
  assert.deepEqual(events, sweep);
  assert.deepEqual(asked, [
    "POST /v1/sweeps after null",
    `GET /v1/sweeps/${"5".repeat(64)}/events after 1`,
  ]);
});
