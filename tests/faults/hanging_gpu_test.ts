// A GPU function that falls silent without closing, and one whose clock is wrong.
import assert from "node:assert/strict";
import { SIGNATURE_SKEW_MS } from "../../contract/mod.ts";
import { GPU_FUNCTION_DEFAULTS } from "../../edge/backends/backend.ts";
import { GpuFunction } from "../../edge/backends/gpu_function.ts";
import { GpuPool, POOL_DEFAULTS } from "../../edge/backends/pool.ts";
import type { ConformanceClient } from "../support/conformance_client.ts";
import { type Answer, BrokenGpu, hangingStream, sound } from "./broken_gpu.ts";
import { GpuDouble } from "../support/gpu_double.ts";
import { assertEnds, assertWhole, undisturbedSha256, withEdge } from "./stage.ts";

/** Counts of a run's 27 events: none, each of the first, a step, a preview, all but the end. */
const HANGS_AFTER = [0, 1, 2, 3, 8, 14, 26];

/** The shipped options with less patience, but enough for a sound function on a busy machine. */
const IMPATIENT = {
  ...POOL_DEFAULTS,
  acceptMs: 1_500,
  failoverMs: 1_500,
  silenceMs: 1_500,
  retryPausesMs: [1, 1, 1, 1],
};

function poolOf(gpus: readonly BrokenGpu[]): GpuPool {
  const ports = { now: () => Date.now(), newId: () => crypto.randomUUID(), log: () => {} };
  const options = { ...GPU_FUNCTION_DEFAULTS, secret: null };
  return new GpuPool(gpus.map(({ url }) => new GpuFunction(url, options, ports)), IMPATIENT, ports);
}

/** Falls silent after n events of the run, over all connections. */
const hang = (n: number): Answer => ({ after, frames }) =>
  hangingStream(frames.slice(0, Math.max(n - after - 1, 0)));

async function withPool(
  count: number,
  test: (client: ConformanceClient, gpus: readonly BrokenGpu[]) => Promise<void>,
): Promise<void> {
  const gpus = Array.from({ length: count }, () => new BrokenGpu());
  try {
    await withEdge(poolOf(gpus), (client) => test(client, gpus));
  } finally {
    for (const gpu of gpus) await gpu.close();
  }
}

Deno.test("A GPU function that hangs behind any event is left, and asked again for the rest", async () => {
  await withPool(1, async (client, [gpu]) => {
    await Promise.all(HANGS_AFTER.map(async (n) => {
      const request = client.fresh();
      gpu?.script(request.seed, (c) => c.number === 1 ? hang(n)(c) : sound(c));
      await assertWhole(await client.stream(request), undisturbedSha256(request));
      assert.equal(gpu?.connections(request.seed), 2);
    }));
  });
});

Deno.test("A GPU function that hangs for ever ends the generation, once; the next one is served", async () => {
  await withPool(1, async (client, [gpu]) => {
    await Promise.all(HANGS_AFTER.map(async (n) => {
      const request = client.fresh();
      gpu?.script(request.seed, hang(n));
      const frames = await client.stream(request);
      assertEnds(frames);
      const end = frames.at(-1)?.event;
      assert(end?.type === "generation.failed" && end.error.code === "upstream_failed");
      gpu?.script(request.seed, sound);
      await assertWhole(await client.stream(request), undisturbedSha256(request));
    }));
  });
});

Deno.test("One of two GPU functions hangs: the other one has the generation", async () => {
  await withPool(2, async (client, gpus) => {
    await Promise.all(HANGS_AFTER.map(async (n) => {
      const request = client.fresh();
      // The function that is asked first hangs; the other one is sound.
      let asked = 0;
      for (const gpu of gpus) {
        let mine = false;
        gpu.script(request.seed, (connection) => {
          mine ||= ++asked === 1;
          return mine ? hang(n)(connection) : sound(connection);
        });
      }
      await assertWhole(await client.stream(request), undisturbedSha256(request));
    }));
  });
});

Deno.test("A GPU function that never answers is a refusal that says when to come back", async () => {
  await withPool(1, async (client, [gpu]) => {
    const request = client.fresh();
    const never = Promise.withResolvers<Response>();
    gpu?.script(request.seed, () => never.promise);
    const response = await client.post(request);
    assert.equal(response.status, 503);
    assert.equal((await response.json()).code, "gpu_unavailable");
    assert(Number(response.headers.get("retry-after")) > 0);
    never.resolve(new Response());
    gpu?.script(request.seed, sound);
    const other = client.fresh();
    await assertWhole(await client.stream(other), undisturbedSha256(other));
  });
});

Deno.test("Clocks apart by more than the skew refuse every call, and lose nothing", async () => {
  const clock = { secret: "a_secret_that_both_have", aheadMs: 0 };
  const gpu = new GpuDouble({ signed: clock }).listen();
  const ask = async (client: ConformanceClient, aheadMs: number) => {
    clock.aheadMs = aheadMs;
    const request = client.fresh();
    return { request, response: await client.post(request) };
  };
  try {
    await withEdge(gpu.url, async (client) => {
      for (const sign of [-1, 1]) {
        // The skew stays within the bound by far more than a call takes.
        const { response } = await ask(client, sign * (SIGNATURE_SKEW_MS - 30_000));
        assert.equal(response.status, 200);
        await response.body?.cancel();
        const { request, response: refused } = await ask(client, sign * 2 * SIGNATURE_SKEW_MS);
        assert.equal(refused.status, 503, await refused.clone().text());
        assert.equal((await refused.json()).code, "gpu_unavailable");
        assert(Number(refused.headers.get("retry-after")) > 0);
        clock.aheadMs = 0;
        await assertWhole(await client.stream(request), undisturbedSha256(request));
      }
      assert.equal(gpu.tally.running, 0);
    }, { GPU_SECRET: clock.secret });
  } finally {
    await gpu.close();
  }
});
