// 200 clients at once: equal requests share one run; different ones are served or get a retry time.
import assert from "node:assert/strict";
import { type Frame, idOf, readFrames } from "../support/conformance_client.ts";
import { GpuDouble } from "../support/gpu_double.ts";
import { assertEnds, withEdge } from "./stage.ts";

const CLIENTS = 200;
const CAPACITY = { runningMax: 4, queuedMax: 16 };
/** Resident memory that 200 streams may add, garbage included. */
const RESIDENT_BYTES = 256 * 1024 * 1024;

Deno.test("200 requests for the same image are one generation, and each gets all of it", async () => {
  const gpu = new GpuDouble({ limits: CAPACITY, paused: true }).listen();
  try {
    await withEdge(gpu.url, async (client) => {
      const request = client.fresh();
      const responses = await Promise.all(
        Array.from({ length: CLIENTS }, () => client.post(request)),
      );
      gpu.open();
      const streams = await Promise.all(responses.map(readFrames));
      const seen = new Set(streams.map((frames) => JSON.stringify(frames.map(({ data }) => data))));
      assert.equal(seen.size, 1);
      assertEnds(streams[0] ?? []);
      assert.equal(typeOfEnd(streams[0] ?? []), "generation.completed");
      assert.deepEqual([gpu.tally.started, gpu.tally.joined], [1, 0]);
      assertIdle(gpu);
    });
  } finally {
    await gpu.close();
  }
});

Deno.test("200 different requests over a capacity of 4 are served or refused, and none is lost", async () => {
  const gpu = new GpuDouble({ limits: CAPACITY, paused: true }).listen();
  const before = Deno.memoryUsage().rss;
  try {
    await withEdge(gpu.url, async (client) => {
      const requests = Array.from({ length: CLIENTS }, () => client.fresh());
      const responses = await Promise.all(requests.map((request) => client.post(request)));
      const refused = requests.filter((_, i) => responses[i]?.status === 503);
      assert.equal(refused.length, CLIENTS - CAPACITY.runningMax - CAPACITY.queuedMax);
      for (const response of responses) await assertAnswered(response);
      gpu.open();
      const admitted = responses.filter(({ status }) => status === 200);
      const streams = await Promise.all(admitted.map(readFrames));
      // One after the other, they find free capacity.
      for (const request of refused) streams.push(await client.stream(request));
      for (const frames of streams) {
        assertEnds(frames);
        assert.equal(typeOfEnd(frames), "generation.completed", JSON.stringify(frames.at(-1)));
      }
      assert.equal(new Set(streams.map(idOf)).size, CLIENTS);
      assert.equal(gpu.tally.started, CLIENTS);
      assertIdle(gpu);
      const cost = Deno.memoryUsage().rss - before;
      assert(cost < RESIDENT_BYTES, `${CLIENTS} requests cost ${cost} bytes`);
    });
  } finally {
    await gpu.close();
  }
});

/** Asserts that the answer is a run, or a refusal that says when to come back. */
async function assertAnswered(response: Response): Promise<void> {
  if (response.status === 200) return;
  const problem = await response.json();
  assert.deepEqual([response.status, problem.code], [503, "at_capacity"]);
  assert(Number(response.headers.get("retry-after")) > 0);
}

function typeOfEnd(frames: readonly Frame[]): string | undefined {
  return frames.at(-1)?.event.type;
}

function assertIdle({ tally }: GpuDouble): void {
  assert.deepEqual([tally.running, tally.queued, tally.readers], [0, 0, 0]);
}
