import assert from "node:assert/strict";
import { EVENTS, PLAN } from "../../contract/fixtures/events.ts";
import {
  createProblem,
  encodeOutput,
  encodeUnnumberedMessage,
  HEARTBEAT,
  parseGenerationRequest,
  ProblemError,
  PROGRESS,
  type Progress,
} from "../../contract/mod.ts";
import type { LogRecord } from "../observability/log.ts";
import type { Submission } from "./gpu_backend.ts";
import { GPU_FUNCTION_DEFAULTS } from "./backend.ts";
import { GpuFunction } from "./gpu_function.ts";
import { GpuPool, POOL_DEFAULTS, type PoolOptions } from "./pool.ts";

const OPTIONS: PoolOptions = {
  ...POOL_DEFAULTS,
  acceptMs: 100,
  failoverMs: 100,
  silenceMs: 40,
  progressMs: 5_000,
  loadMs: 0,
  retryPausesMs: [1, 1],
};

const parsed = parseGenerationRequest({ prompt: "a bird", seed: 1 });
assert(parsed.ok);
const SUBMISSION: Submission = { id: PLAN.id, request: parsed.value };

type Handle = (request: Request, call: number) => Response | Promise<Response>;

/** A GPU function that answers as the test says, while the test runs. */
interface TestServer {
  readonly url: string;
  /** The `Last-Event-ID` of each prediction asked of it. */
  readonly puts: (string | null)[];
  readonly cancels: string[];
  health: Readonly<Record<string, unknown>> | "hangs";
  healthChecks: number;
}

async function withServers(
  handles: readonly Handle[],
  test: (servers: readonly TestServer[]) => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  const hanging = new Promise<Response>(() => {});
  const servers = handles.map((handle) => {
    const server: TestServer & { url: string } = {
      url: "",
      puts: [],
      cancels: [],
      health: { status: "READY", running: 0, queued: 0 },
      healthChecks: 0,
    };
    const { addr } = Deno.serve(
      { hostname: "127.0.0.1", port: 0, signal: stop.signal, onListen: () => {} },
      (request) => {
        const { pathname } = new URL(request.url);
        if (pathname === "/health-check") {
          server.healthChecks++;
          return server.health === "hangs" ? hanging : Response.json(server.health);
        }
        if (pathname.endsWith("/cancel")) {
          server.cancels.push(pathname);
          return new Response(null);
        }
        server.puts.push(request.headers.get("last-event-id"));
        return handle(request, server.puts.length);
      },
    );
    server.url = `http://127.0.0.1:${addr.port}`;
    return server;
  });
  try {
    await test(servers);
  } finally {
    // A graceful stop would wait for ever on a body that a failing test left open.
    stop.abort();
  }
}

function createPool(
  servers: readonly { readonly url: string }[],
  changes: Partial<PoolOptions> = {},
) {
  const clock = { now: 0 };
  const logged: LogRecord[] = [];
  const ports = {
    now: () => clock.now,
    newId: () => "nonce",
    log: (record: LogRecord) => void logged.push(record),
  };
  const options = { ...GPU_FUNCTION_DEFAULTS, healthMs: 100, secret: null };
  const functions = servers.map(({ url }) => new GpuFunction(url, options, ports));
  return { pool: new GpuPool(functions, { ...OPTIONS, ...changes }, ports), clock, logged };
}

function body(...chunks: string[]): ReadableStream<Uint8Array> {
  return ReadableStream.from(chunks.map((chunk) => new TextEncoder().encode(chunk)));
}

/** Sends the chunks, then nothing, and never ends by itself. */
function silentBody(...chunks: string[]): ReadableStream<Uint8Array> {
  const queue = chunks.map((chunk) => new TextEncoder().encode(chunk));
  const never = Promise.withResolvers<void>();
  return new ReadableStream({
    async pull(controller) {
      const next = queue.shift();
      if (next) controller.enqueue(next);
      else await never.promise;
    },
    cancel: () => never.resolve(),
  });
}

/** Sends the chunks, then heartbeats for ever. */
function beatingBody(...chunks: string[]): ReadableStream<Uint8Array> {
  const beats = async function* () {
    for (const chunk of chunks) yield new TextEncoder().encode(chunk);
    while (true) {
      await new Promise((done) => setTimeout(done, 2));
      yield new TextEncoder().encode(HEARTBEAT);
    }
  };
  return ReadableStream.from(beats());
}

async function collect(pool: GpuPool, submission = SUBMISSION) {
  const submitted = await pool.submit(submission, -1);
  if (!submitted.ok) return { ids: [], code: submitted.problem.code };
  const ids: number[] = [];
  try {
    for await (const { id } of submitted.value) ids.push(id);
    return { ids, code: null };
  } catch (cause) {
    assert(cause instanceof ProblemError);
    return { ids, code: cause.problem.code };
  }
}

/** queued, planned, step 0, preview 0, cutoff 1, image, completed. */
const frames = EVENTS.slice(0, 7).map(encodeOutput);
const ALL = [0, 1, 2, 3, 4, 5, 6];
const whole: Handle = () => new Response(body(...frames));
const refuseWith = (status: number, code: string): Handle => () =>
  Response.json({ code }, { status });
/** Answers as far as the event, whatever was asked for. */
const upTo = (id: number): Handle => () => new Response(body(...frames.slice(0, id + 1)));

Deno.test("The back end gives up on a GPU function that hangs, after a few connections", async () => {
  await withServers([() => new Response(silentBody(...frames.slice(0, 2)))], async (servers) => {
    const { pool } = createPool(servers);
    assert.deepEqual(await collect(pool), { ids: [0, 1], code: "upstream_failed" });
    assert.equal(servers[0]?.puts.length, 3);
  });
});

Deno.test("The back end takes each event once, over connections that end too early", async () => {
  const growing: Handle = (_, call) => new Response(body(...frames.slice(0, call * 3)));
  await withServers([growing], async (servers) => {
    assert.deepEqual(await collect(createPool(servers).pool), { ids: ALL, code: null });
    assert.deepEqual(servers[0]?.puts, [null, "2", "5"]);
    assert.deepEqual(servers[0]?.cancels, []);
  });
});

Deno.test("An event that is missing is a loss of the connection, not of the run", async () => {
  const gap: Handle = (_, call) =>
    new Response(body(...frames.filter((_, id) => call > 1 || id !== 2)));
  await withServers([gap], async (servers) => {
    assert.deepEqual(await collect(createPool(servers).pool), { ids: ALL, code: null });
    assert.deepEqual(servers[0]?.puts, [null, "1"]);
  });
});

Deno.test("The back end waits as long as there are heartbeats", async () => {
  const beats = async function* () {
    for (let i = 0; i < 8; i++) {
      await new Promise((done) => setTimeout(done, 10));
      yield new TextEncoder().encode(HEARTBEAT);
    }
    yield new TextEncoder().encode(frames.join(""));
  };
  await withServers([() => new Response(ReadableStream.from(beats()))], async (servers) => {
    assert.equal((await collect(createPool(servers).pool)).code, null);
    assert.equal(servers[0]?.puts.length, 1);
  });
});

Deno.test("Heartbeats without an event are waited for within a bound, and the run is canceled", async () => {
  await withServers([() => new Response(beatingBody(...frames.slice(0, 3)))], async (servers) => {
    const { pool } = createPool(servers, { progressMs: 30 });
    assert.deepEqual(await collect(pool), { ids: [0, 1, 2], code: "upstream_failed" });
    assert.deepEqual(servers[0]?.cancels, [`/predictions/${PLAN.id}/cancel`]);
    assert.equal(servers[0]?.puts.length, 1, "it would join the same run");
  });
});

const progressFrame = (progress: Partial<Progress>) =>
  encodeUnnumberedMessage(PROGRESS, { ...STILL, ...progress });
const STILL: Progress = {
  type: PROGRESS,
  activity: "denoising",
  rows_done: 2,
  rows_planned: 30,
  row_ms: 1,
  elapsed_ms: 20,
  remaining_ms: 28,
  still_ms: 0,
};

Deno.test("What a run does between its events is passed on, and is no event", async () => {
  const [start = "", ...rest] = frames;
  const noted = () => new Response(body(start, progressFrame({ still_ms: 5 }), rest.join("")));
  await withServers([noted], async (servers) => {
    const heard: Progress[] = [];
    const onProgress = (progress: Progress) => void heard.push(progress);
    const { ids } = await collect(createPool(servers).pool, { ...SUBMISSION, onProgress });
    assert.deepEqual(ids, ALL);
    assert.deepEqual(heard, [{ ...STILL, still_ms: 5 }]);
  });
});

Deno.test("A run that says that it stands still is given up, but not for slow rows", async () => {
  const saying = (row_ms: number | null) => () =>
    new Response(
      body(...frames.slice(0, 3), progressFrame({ row_ms, still_ms: 5_001 }), ...frames.slice(3)),
    );
  for (
    const [row_ms, code] of [[1, "upstream_failed"], [null, "upstream_failed"], [
      300,
      null,
    ]] as const
  ) {
    await withServers([saying(row_ms)], async (servers) => {
      assert.equal((await collect(createPool(servers).pool)).code, code, `${row_ms} ms a row`);
    });
  }
});

Deno.test("The place of a run that gives signs of life is never away", async () => {
  const never = Promise.withResolvers<Response>();
  const first = body(frames[0] ?? "", progressFrame({}));
  const answers: Handle = (_, call) => call === 1 ? new Response(first) : never.promise;
  await withServers([answers], async (servers) => {
    const { pool, clock } = createPool(servers, { retryPausesMs: [] });
    assert.equal((await collect(pool)).code, "upstream_failed");
    servers[0]!.health = "hangs";
    // Submissions that hang count against it as soon as its last sign is old.
    for (let i = 0; i < 3; i++) assert.equal((await collect(pool)).code, "gpu_unavailable");
    const states = async () => {
      const { functions = [] } = await pool.health();
      return functions.map(({ status, circuit }) => `${status} ${circuit}`);
    };
    assert.deepEqual(await states(), ["BUSY closed"]);
    clock.now += GPU_FUNCTION_DEFAULTS.heardMs;
    for (let i = 0; i < 3; i++) await collect(pool);
    assert.deepEqual(await states(), ["UNREACHABLE open"]);
    servers[0]!.health = {};
    clock.now = 0;
    assert.deepEqual(await states(), ["UNREACHABLE open"], "an answer in other words is none");
    never.resolve(new Response(null));
  });
});

Deno.test("The back end refuses what is not of the contract", async () => {
  const garbage = 'id: 1\nevent: output\ndata: {"chunk":7}\n\n';
  await withServers([() => new Response(body(frames[0] ?? "", garbage))], async (servers) => {
    const { pool } = createPool(servers);
    assert.deepEqual(await collect(pool), { ids: [0], code: "upstream_failed" });
    assert.equal(servers[0]?.puts.length, 1);
    assert.equal(servers[0]?.cancels.length, 1, "it draws for nobody");
  });
});

Deno.test("The back end does not wait for ever to be accepted", async () => {
  const late = Promise.withResolvers<Response>();
  await withServers([() => late.promise], async (servers) => {
    assert.equal((await collect(createPool(servers).pool)).code, "gpu_unavailable");
    late.resolve(new Response(null));
  });
});

Deno.test("A submission goes to the function with fewest runs, and what was just sent counts", async () => {
  await withServers([whole, whole, whole], async (servers) => {
    const [a, b, c] = servers;
    assert(a && b && c);
    a.health = { status: "READY", running: 2, queued: 1 };
    b.health = { status: "READY", running: 1, queued: 0 };
    c.health = { status: "STARTING" };
    const { pool } = createPool(servers, { loadMs: 1_000 });
    for (let i = 0; i < 4; i++) {
      const submission = { ...SUBMISSION, id: String(i).repeat(64) };
      assert.equal((await collect(pool, submission)).code, null);
    }
    // b starts at 1 and a at 3: the first two go to b, and of the next two each gets one.
    assert.deepEqual([a.puts.length, b.puts.length, c.puts.length], [1, 3, 0]);
  });
});

Deno.test("Between equals a key has its function, and keys are spread", async () => {
  await withServers([whole, whole], async (servers) => {
    const { pool } = createPool(servers);
    const counts = () => servers.map(({ puts }) => puts.length);
    for (let i = 0; i < 16; i++) {
      const submission = { ...SUBMISSION, id: i.toString(16).repeat(64) };
      const before = counts();
      await collect(pool, submission);
      const [a = 0, b = 0] = counts().map((count, index) => count - (before[index] ?? 0));
      await collect(pool, submission);
      const again = counts().map((count, index) => count - (before[index] ?? 0));
      assert.deepEqual(again, [2 * a, 2 * b]);
    }
    assert(counts().every((count) => count > 0), String(counts()));
  });
});

Deno.test("A function that is full, away or of another version leaves the run to the next", async () => {
  const others: Handle[] = [
    refuseWith(503, "at_capacity"),
    refuseWith(503, "gpu_unavailable"),
    refuseWith(409, "conflict"),
    () => new Response("bad gateway", { status: 502 }),
  ];
  for (const other of others) {
    await withServers([other, other, whole], async (servers) => {
      const { pool } = createPool(servers);
      for (let i = 0; i < 8; i++) {
        const submission = { ...SUBMISSION, id: i.toString(16).repeat(64) };
        assert.deepEqual(await collect(pool, submission), { ids: ALL, code: null });
      }
      const [a, b] = servers.map(({ puts }) => puts.length);
      assert((a ?? 0) + (b ?? 0) > 0, "none was asked before the one that can");
    });
  }
});

Deno.test("When nobody takes it, the client is told what will pass first", async () => {
  const full = refuseWith(503, "at_capacity");
  const away = refuseWith(500, "");
  const other = refuseWith(409, "conflict");
  for (
    const [handles, code] of [
      [[away, full, other], "at_capacity"],
      [[other, away], "gpu_unavailable"],
      [[other, other], "model_mismatch"],
      [[refuseWith(401, "unauthorized")], "gpu_unavailable"],
    ] as const
  ) {
    await withServers(handles, async (servers) => {
      assert.equal((await collect(createPool(servers).pool)).code, code);
    });
  }
});

Deno.test("A model that cannot be served is drawn where it can, or refused with the function's reason", async () => {
  const detail = "Model mini cannot be served: unet/model.onnx is missing";
  const damaged: Handle = () =>
    Response.json(createProblem("model_unavailable", detail), { status: 409 });
  await withServers([damaged, whole], async (servers) => {
    const [a, b] = servers;
    assert(a && b);
    b.health = { status: "READY", running: 9 };
    assert.deepEqual(await collect(createPool(servers).pool), { ids: ALL, code: null });
    assert.deepEqual([a.puts.length, b.puts.length], [1, 1]);
    const { pool } = createPool([a]);
    // It is no failure of the function, however often somebody asks.
    for (let i = 0; i < 5; i++) {
      const refused = await pool.submit(SUBMISSION, -1);
      assert(!refused.ok);
      assert.deepEqual([refused.problem.code, refused.problem.detail], [
        "model_unavailable",
        detail,
      ]);
    }
    assert.equal((await pool.health()).functions?.[0]?.circuit, "closed");
  });
});

Deno.test("A run that is lost before its first step begins elsewhere at once", async () => {
  await withServers([upTo(1), whole], async (servers) => {
    const [a, b] = servers;
    assert(a && b);
    b.health = { status: "READY", running: 9 };
    const places: string[] = [];
    const onPlace = (place: string) => Promise.resolve(void places.push(place));
    // This pause would be longer than the test may take.
    const { pool } = createPool(servers, { retryPausesMs: [600_000] });
    assert.deepEqual(await collect(pool, { ...SUBMISSION, onPlace }), { ids: ALL, code: null });
    assert.deepEqual([a.puts, b.puts], [[null], [null]]);
    assert.deepEqual(places, [a.url, b.url]);
  });
});

Deno.test("A run that has done a step is first sought where it is, then started over elsewhere", async () => {
  const lost: Handle = (_, call) =>
    call === 1 ? new Response(body(...frames.slice(0, 4))) : new Response(null, { status: 502 });
  await withServers([lost, whole], async (servers) => {
    const [a, b] = servers;
    assert(a && b);
    b.health = { status: "READY", running: 9 };
    const { pool, logged } = createPool(servers, { retryPausesMs: [1, 1, 600_000] });
    assert.deepEqual(await collect(pool), { ids: ALL, code: null });
    // The lost function is retried twice; the other starts over from the first event.
    assert.deepEqual([a.puts, b.puts], [[null, "3", "3"], [null]]);
    assert.match(logged[0]?.message ?? "", /starts over/);
  });
});

Deno.test("A second run that takes another course is no end of the first", async () => {
  const lost: Handle = (_, call) =>
    call === 1 ? new Response(body(...frames.slice(0, 4))) : new Response(null, { status: 502 });
  const [queued, planned, step, preview, ...rest] = EVENTS.slice(0, 7);
  assert(queued && planned && step && preview);
  const swapped = [queued, planned, preview, step, ...rest].map(encodeOutput);
  await withServers([lost, () => new Response(body(...swapped))], async (servers) => {
    const [, b] = servers;
    assert(b);
    b.health = { status: "READY", running: 9 };
    const { pool } = createPool(servers, { retryPausesMs: [1, 1, 1, 1] });
    assert.deepEqual(await collect(pool), { ids: [0, 1, 2, 3], code: "upstream_failed" });
  });
});

Deno.test("A run that a function canceled by itself ends elsewhere; one that was canceled here ends", async () => {
  const canceled = encodeOutput({ type: "generation.canceled", evaluations: 2 }, 4);
  const shuttingDown: Handle = () => new Response(body(...frames.slice(0, 4), canceled));
  await withServers([shuttingDown, whole], async (servers) => {
    const [, b] = servers;
    assert(b);
    b.health = { status: "READY", running: 9 };
    const { pool } = createPool(servers, { retryPausesMs: [1, 1, 1, 1] });
    assert.deepEqual(await collect(pool), { ids: ALL, code: null });

    const submitted = await pool.submit(SUBMISSION, -1);
    assert(submitted.ok);
    const ids: number[] = [];
    for await (const { id } of submitted.value) {
      ids.push(id);
      if (id === 0) await pool.cancel(PLAN.id);
    }
    assert.deepEqual(ids, [0, 1, 2, 3, 4]);
    assert.deepEqual(servers.map(({ cancels }) => cancels.length), [1, 0], "where it runs alone");
  });
});

Deno.test("A run that was lost goes on, and is found where it was when it is asked for again", async () => {
  const breaking: Handle = (_, call) => new Response(body(...frames.slice(0, call > 3 ? 7 : 3)));
  await withServers([breaking, refuseWith(503, "at_capacity")], async (servers) => {
    const [a, b] = servers;
    assert(a && b);
    b.health = { status: "READY", running: 9 };
    const { pool } = createPool(servers);
    assert.deepEqual(await collect(pool), { ids: [0, 1, 2], code: "upstream_failed" });
    assert.deepEqual([a.puts, a.cancels], [[null, "2", "2"], []]);
    a.health = { status: "BUSY", running: 99 };
    b.puts.length = 0;
    assert.deepEqual(await collect(pool), { ids: ALL, code: null });
    assert.deepEqual([a.puts.length, b.puts.length], [4, 0], "the other one has fewer runs");
  });
});

Deno.test("Functions of another class draw nothing, and the operator is told once, unless they may", async () => {
  await withServers([whole, whole, whole], async (servers) => {
    const classes = ["cpu packed", "webgpu packed", "cpu packed"];
    for (const [i, determinism_class] of classes.entries()) {
      // The odd one would be asked first.
      servers[i]!.health = { status: "READY", running: i === 1 ? 0 : 5 - i, determinism_class };
    }
    const asked = () => servers.map(({ puts }) => puts.splice(0).length);
    const { pool, logged } = createPool(servers);
    for (let i = 0; i < 2; i++) assert.deepEqual(await collect(pool), { ids: ALL, code: null });
    assert.deepEqual(asked(), [0, 0, 2]);
    assert.deepEqual(logged.map(({ level }) => level), ["error"]);
    const hosts = servers.map(({ url }) => url.slice("http://".length));
    assert.equal(
      logged[0]?.message,
      `${hosts[1]} draws nothing: its class is "webgpu packed", that of ${
        hosts[0]
      } "cpu packed", ` +
        "and their bytes differ; GPU_MIXED=allow takes both",
    );
    const { functions = [] } = await pool.health();
    assert.deepEqual(functions.map(({ determinism_class }) => determinism_class), classes);

    const mixed = createPool(servers, { mixed: true });
    assert.deepEqual(await collect(mixed.pool), { ids: ALL, code: null });
    assert.deepEqual([asked(), mixed.logged], [[0, 1, 0], []]);
  });
});

Deno.test("A function whose class is not known draws, and one that changes its class is looked at anew", async () => {
  await withServers([refuseWith(503, "at_capacity"), whole], async (servers) => {
    const { pool } = createPool(servers);
    servers[0]!.health = { status: "READY", running: 0, determinism_class: "a" };
    assert.equal((await collect(pool)).code, null);
    servers[1]!.health = { status: "READY", running: 0, determinism_class: "b" };
    assert.equal((await collect(pool)).code, "at_capacity");
    servers[1]!.health = { status: "READY", running: 0, determinism_class: "a" };
    assert.equal((await collect(pool)).code, null);
  });
});

Deno.test("A run that another process began is sought where it was", async () => {
  await withServers([whole, whole], async (servers) => {
    const [a, b] = servers;
    assert(a && b);
    a.health = { status: "READY", running: 9 };
    const { pool } = createPool(servers);
    await collect(pool, { ...SUBMISSION, place: a.url });
    assert.deepEqual([a.puts.length, b.puts.length], [1, 0]);
    await collect(pool, { ...SUBMISSION, place: "http://127.0.0.1:1" });
    assert.deepEqual([a.puts.length, b.puts.length], [1, 1]);
  });
});

Deno.test("A function that keeps failing is left alone, until its health check answers", async () => {
  let isBack = false;
  const failing: Handle = () => isBack ? new Response(body(...frames)) : refuseWith(500, "")(...NO);
  await withServers([failing], async (servers) => {
    const [server] = servers;
    assert(server);
    server.health = {};
    const { pool } = createPool(servers);
    for (let i = 0; i < 5; i++) {
      assert.equal((await collect(pool)).code, "gpu_unavailable");
    }
    assert.equal(server.puts.length, 3);
    server.health = { status: "READY" };
    isBack = true;
    assert.deepEqual(await collect(pool), { ids: ALL, code: null });
  });
});
const NO = [new Request("http://gpu/"), 0] as const;

Deno.test("Failing runs open a circuit although the health check answers", async () => {
  await withServers([refuseWith(500, ""), whole], async (servers) => {
    const [a, b] = servers;
    assert(a && b);
    b.health = { status: "READY", running: 9 };
    const { pool, clock } = createPool(servers);
    const run = async (times: number) => {
      for (let i = 0; i < times; i++) assert.equal((await collect(pool)).code, null);
    };
    await run(5);
    assert.deepEqual([a.puts.length, b.puts.length], [3, 5]);
    const asked = a.healthChecks;
    await run(3);
    assert.equal(a.healthChecks, asked, "it is not time yet");
    clock.now += GPU_FUNCTION_DEFAULTS.circuit.openMs;
    await run(3);
    assert.equal(a.puts.length, 6, "its health check let it back in, for as many failures again");
  });
});

Deno.test("A function that is back is asked as soon as the others take nothing", async () => {
  let isBack = false;
  const failing: Handle = () => isBack ? new Response(body(...frames)) : refuseWith(500, "")(...NO);
  let isFull = false;
  const filling: Handle = () =>
    isFull ? refuseWith(503, "at_capacity")(...NO) : new Response(body(...frames));
  await withServers([failing, filling], async (servers) => {
    const [a, b] = servers;
    assert(a && b);
    b.health = { status: "READY", running: 9 };
    const { pool } = createPool(servers);
    for (let i = 0; i < 4; i++) await collect(pool);
    assert.deepEqual([a.puts.length, b.puts.length], [3, 4], "its circuit is open");
    isFull = true;
    assert.equal((await collect(pool)).code, "at_capacity");
    isBack = true;
    assert.deepEqual(await collect(pool), { ids: ALL, code: null });
  });
});

Deno.test("The state of each function is told, and the best of all; looking opens no circuit", async () => {
  await withServers([whole, whole], async (servers) => {
    const [a] = servers;
    assert(a);
    a.health = { status: "BUSY", running: 4, queued: 2 };
    const { pool } = createPool([...servers, { url: "http://127.0.0.1:1" }]);
    for (let i = 0; i < 9; i++) await pool.health();
    assert.deepEqual(await pool.health(), {
      status: "READY",
      functions: [
        { status: "BUSY", circuit: "closed", running: 4, queued: 2 },
        { status: "READY", circuit: "closed", running: 0, queued: 0 },
        { status: "UNREACHABLE", circuit: "closed" },
      ],
    });
  });
});
