// Broken here: a reader that leaves, or that takes no bytes, changes the run.
import assert from "node:assert/strict";
import {
  type ConformanceClient,
  type Frame,
  FrameReader,
  idOf,
  readFrames,
} from "../support/conformance_client.ts";
import { type EdgeProcess, startDeno, startWorkerd } from "../support/edges.ts";
import { IS_LONG } from "./call_faults.ts";
import {
  assertEnds,
  assertWhole,
  undisturbedSha256,
  UNLIMITED,
  withProcess,
  withStage,
} from "./stage.ts";

const EVENTS = 27;
const SLOW_READERS = 1_000;
/** The most that a log with 1,000 idle readers may cost; a copy for each would be over 260 MB. */
const HELD_BYTES = 96 * 1024 * 1024;
/** The most with the buffers of a process's sockets. */
const HELD_BYTES_OVER_HTTP = 192 * 1024 * 1024;
/** Pictures are large, so that a copy per reader would show. */
const IMAGE_BYTES = 200_000;

/** Reads n events and leaves. @returns them */
async function leaveAfter(response: Response, n: number): Promise<Frame[]> {
  if (n === 0) {
    await response.body?.cancel();
    return [];
  }
  const reader = new FrameReader(response);
  const frames = await reader.until(n - 1);
  await reader.leave();
  return frames;
}

Deno.test("A client gone behind any event of a run under way leaves it to its end", async () => {
  await withStage(async (stage) => {
    for (let n = 0; n < EVENTS; n++) {
      const request = stage.client.fresh();
      stage.gpu.script(request.seed, { pauseAfter: Math.max(n - 1, 0) });
      const { started } = stage.gpu;
      const head = await leaveAfter(await stage.client.post(request), n);
      const id = stage.gpu.puts.at(-1)?.id ?? "";
      stage.gpu.release(id);
      await stage.settled();
      const whole = await stage.client.stream(request);
      await assertWhole(whole, undisturbedSha256(request));
      assert.equal(stage.gpu.started, started + 1, "the run began once");
      assert.deepEqual(head.map(({ data }) => data), whole.slice(0, n).map(undone));
      const rest = await readFrames(await stage.client.follow(id, n === 0 ? undefined : n - 1));
      assertEnds(rest, n);
      assert.deepEqual(rest.map(undone), whole.slice(n).map(undone));
    }
    assert.equal(stage.gpu.reading, 0);
  });
});

/** The frame's data as the run itself sent it. */
function undone({ data }: Frame): string {
  return data.replace('"cached":true', '"cached":false');
}

Deno.test("A client gone behind any event of a stored stream takes nothing with it", async () => {
  await withStage(async (stage) => {
    const request = stage.client.fresh();
    const whole = await stage.client.stream(request);
    await stage.restart();
    for (let n = 0; n < EVENTS; n++) {
      const head = await leaveAfter(await stage.client.post(request), n);
      assert.deepEqual(head.map(undone), whole.slice(0, n).map(undone));
    }
    assert.equal(stage.gpu.started, 1);
    await assertWhole(await stage.client.stream(request), undisturbedSha256(request));
  });
});

function heapBytes(): number {
  return Deno.memoryUsage().heapUsed + Deno.memoryUsage().external;
}

interface Held {
  readonly client: ConformanceClient;
  /** The memory that is measured. */
  readonly bytes: () => number;
  readonly bytesMax: number;
  /** Resolves when the work after the end is done, where that can be awaited. */
  readonly settled?: () => Promise<void>;
}

/** Runs to the end while readers hold their streams and take nothing until it is over. */
async function holdReaders(
  { client, bytes, bytesMax, settled = async () => {} }: Held,
): Promise<void> {
  const { gpu } = client;
  const request = client.fresh();
  gpu.script(request.seed, { pauseAfter: 6, imageBytes: IMAGE_BYTES });
  const first = await client.open(request);
  const head = await first.until(6);
  const id = idOf(head);
  const slow = await Promise.all(
    Array.from(
      { length: SLOW_READERS },
      (_, i) => client.follow(id, i % 2 === 0 ? undefined : 3),
    ),
  );
  const before = bytes();
  gpu.release(id);
  const whole = [...head, ...await first.rest()];
  assertEnds(whole);
  await settled();
  const cost = bytes() - before;
  assert(cost < bytesMax, `${SLOW_READERS} readers cost ${cost} bytes`);
  // The run is over and stored before any of them has read a byte.
  const image = await client.request(`/v1/images/${id}.png`);
  assert.equal((await image.bytes()).length, IMAGE_BYTES);
  for (const [index, response] of slow.entries()) {
    const frames = await readFrames(response);
    const asked = whole.slice(index % 2 === 0 ? 0 : 4);
    assert.deepEqual(withoutPreviews(frames), withoutPreviews(asked));
  }
  assert.equal(gpu.started, 1);
  assert.equal(gpu.reading, 0);
}

Deno.test("1,000 readers that take nothing hold up neither the run nor the memory", async () => {
  await withStage(async (stage) => {
    const settled = () => stage.settled();
    await holdReaders({ client: stage.client, bytes: heapBytes, bytesMax: HELD_BYTES, settled });
  });
});

if (IS_LONG) {
  Deno.test("1,000 such readers over HTTP, on Deno", () =>
    withProcess(startDeno, { environment: UNLIMITED }, async (client) => {
      const bytes = () => (client.edge as EdgeProcess).residentBytes();
      await holdReaders({ client, bytes, bytesMax: HELD_BYTES_OVER_HTTP });
    }));

  Deno.test("1,000 such readers over HTTP, on workerd", () =>
    withProcess(startWorkerd, { environment: UNLIMITED }, async (client) => {
      // Wrangler's own proxy holds more than the worker, so its memory proves nothing.
      await holdReaders({ client, bytes: () => 0, bytesMax: Infinity });
    }));
}

/** Frames without previews, of which a reader that is far behind may miss some. */
function withoutPreviews(frames: readonly Frame[]): (readonly [number, string])[] {
  return frames.filter(({ event }) => event.type !== "generation.preview")
    .map(({ id, data }) => [id, data]);
}
