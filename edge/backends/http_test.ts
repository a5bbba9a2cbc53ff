import assert from "node:assert/strict";
import { EVENTS, PLAN } from "../../contract/fixtures/events.ts";
import {
  encodeOutput,
  HEARTBEAT,
  parseGenerationRequest,
  ProblemError,
} from "../../contract/mod.ts";
import { createHttpBackend, HTTP_BACKEND_DEFAULTS } from "./http.ts";

const OPTIONS = {
  ...HTTP_BACKEND_DEFAULTS,
  acceptMs: 100,
  silenceMs: 40,
  healthMs: 40,
  retryPausesMs: [1, 1],
};

const parsed = parseGenerationRequest({ prompt: "a bird", seed: 1 });
assert(parsed.ok);
const SUBMISSION = { id: PLAN.id, request: parsed.value };

/** A GPU function that answers as told, for as long as the test runs. */
async function withServer(
  handle: (request: Request, call: number) => Response | Promise<Response>,
  test: (url: string, calls: () => number) => Promise<void>,
): Promise<void> {
  let calls = 0;
  const stop = new AbortController();
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, signal: stop.signal, onListen: () => {} },
    (request) => handle(request, ++calls),
  );
  try {
    await test(`http://127.0.0.1:${server.addr.port}`, () => calls);
  } finally {
    // Not gracefully: a body that a failing test left open would keep it waiting for ever.
    stop.abort();
    await server.finished;
  }
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

async function collect(url: string) {
  const submitted = await createHttpBackend(url, OPTIONS).submit(SUBMISSION, -1);
  assert(submitted.ok);
  const ids: number[] = [];
  try {
    for await (const { id } of submitted.value) ids.push(id);
    return { ids, code: null };
  } catch (cause) {
    assert(cause instanceof ProblemError);
    return { ids, code: cause.problem.code };
  }
}

const frames = EVENTS.slice(0, 7).map(encodeOutput);

Deno.test("The HTTP backend gives up on a GPU function that hangs, after a few connections", async () => {
  await withServer(
    () => new Response(silentBody(...frames.slice(0, 2))),
    async (url, calls) => {
      assert.deepEqual(await collect(url), { ids: [0, 1], code: "upstream_failed" });
      assert.equal(calls(), 3);
    },
  );
});

Deno.test("The HTTP backend takes each event once, over connections that end too early", async () => {
  await withServer(
    (_request, call) => new Response(body(...frames.slice(0, call * 3))),
    async (url, calls) => {
      assert.deepEqual(await collect(url), { ids: [0, 1, 2, 3, 4, 5, 6], code: null });
      assert.equal(calls(), 3);
    },
  );
});

Deno.test("The HTTP backend waits as long as there are heartbeats", async () => {
  const beats = async function* () {
    for (let i = 0; i < 8; i++) {
      await new Promise((done) => setTimeout(done, 10));
      yield new TextEncoder().encode(HEARTBEAT);
    }
    yield new TextEncoder().encode(frames.join(""));
  };
  await withServer(
    () => new Response(ReadableStream.from(beats())),
    async (url, calls) => {
      assert.equal((await collect(url)).code, null);
      assert.equal(calls(), 1);
    },
  );
});

Deno.test("The HTTP backend refuses what is not of the contract", async () => {
  await withServer(
    () => new Response(body(frames[0] ?? "", 'id: 1\nevent: output\ndata: {"chunk":7}\n\n')),
    async (url, calls) => {
      assert.deepEqual(await collect(url), { ids: [0], code: "upstream_failed" });
      assert.equal(calls(), 1);
    },
  );
});

Deno.test("The HTTP backend does not wait for ever to be accepted", async () => {
  const late = Promise.withResolvers<Response>();
  await withServer(
    () => late.promise,
    async (url) => {
      const backend = createHttpBackend(url, OPTIONS);
      const submitted = await backend.submit(SUBMISSION, -1);
      assert(!submitted.ok);
      assert.equal(submitted.problem.code, "gpu_unavailable");
      assert.deepEqual(await backend.health(), { status: "UNREACHABLE" });
      late.resolve(new Response(null));
    },
  );
});
