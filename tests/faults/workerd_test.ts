// Faults on workerd itself: D1 loses calls, and rooms and processes are lost in mid-run.
import assert from "node:assert/strict";
import {
  ConformanceClient,
  type Frame,
  FrameReader,
  idOf,
  readFrames,
} from "../support/conformance_client.ts";
import { type EdgeProcess, startWorkerd } from "../support/edges.ts";
import { describeFailure, type Failure, IS_LONG, WAYS } from "./call_faults.ts";
import { arm, countCalls, FAULTY_WORKER, untilAnswering } from "./fault_client.ts";
import {
  assertWhole,
  type SeededInput,
  sha256Of,
  undisturbedSha256,
  UNLIMITED,
  withProcess,
} from "./stage.ts";

const LAST = 26;
/** The last event seen of a run: its name, its plan, steps, a preview, its image. */
const LOST_AFTER = [0, 1, 2, 6, 13, 25];
const CALLS_MAX = 40;
const withWorkerd = (test: Parameters<typeof withProcess>[2]) =>
  withProcess(
    startWorkerd,
    { worker: FAULTY_WORKER, environment: { ...UNLIMITED, DATABASE_SECONDS: "1" } },
    test,
  );

type Act = (client: ConformanceClient, request: SeededInput, id: string) => Promise<void>;

const postStream: Act = async (client, request) =>
  await assertWhole(await client.stream(request), undisturbedSha256(request));

/** Requests by whether their result is stored already. */
const STORIES: readonly { readonly name: string; readonly stored: boolean; readonly act: Act }[] = [
  { name: "POST that misses", stored: false, act: postStream },
  { name: "POST that hits", stored: true, act: postStream },
  {
    name: "GET of the image",
    stored: true,
    async act(client, request, id) {
      const response = await client.request(`/v1/images/${id}.png`);
      if (response.status === 503) return await response.body?.cancel();
      assert.equal(response.status, 200);
      assert.equal(await sha256Of(await response.bytes()), undisturbedSha256(request));
    },
  },
  {
    name: "DELETE of a finished generation",
    stored: true,
    async act(client, _, id) {
      const response = await client.request(`/v1/generations/${id}`, { method: "DELETE" });
      const text = await response.text();
      assert([409, 503].includes(response.status), `${response.status} ${text}`);
    },
  },
];

/** Loses one call after another, until a request has no further call to lose. */
async function loseEachCall(
  client: ConformanceClient,
  { act, stored }: typeof STORIES[number],
  kind: Omit<Failure, "at">,
): Promise<number> {
  for (let at = 1; at <= CALLS_MAX; at++) {
    const failure = { at, ...kind };
    const request = client.fresh();
    const id = stored ? idOf(await client.stream(request)) : "";
    await arm(client, failure);
    try {
      await act(client, request, id);
      const calls = await countCalls(client);
      await arm(client, null);
      await untilAnswering(client);
      await postStream(client, request, id);
      if (calls < at) return at - 1;
    } catch (cause) {
      throw new Error(describeFailure(failure), { cause });
    }
  }
  throw new Error(`A request makes more than ${CALLS_MAX} calls of the database`);
}

/** Reads a stream until it breaks in mid-run. */
async function readUntilLost(reader: FrameReader): Promise<Frame[]> {
  return await reader.rest().catch(() => []);
}

/** Resumes a stream after its last event, as a browser does: again until the edge is back. */
async function resume(client: ConformanceClient, id: string, after: number): Promise<Frame[]> {
  return await readFrames(await client.follow(id, after));
}

Deno.test("Faults on workerd", async (t) => {
  await withWorkerd(async (client) => {
    for (const story of STORIES) {
      await t.step(`${story.name}: each call of D1 is lost once, nothing else is`, async () => {
        // The short version loses them in every way only in process.
        for (const way of IS_LONG ? WAYS : WAYS.slice(0, 1)) {
          assert(await loseEachCall(client, story, way) > 0);
        }
      });
    }

    for (const memory of ["remembers", "has forgotten"] as const) {
      await t.step(
        `A room lost in mid-run goes on, when the GPU function ${memory} it`,
        async () => {
          for (const n of LOST_AFTER) await loseRoom(client, n, memory === "has forgotten");
        },
      );
    }

    await t.step("A client gone behind any event leaves the run to its end", async () => {
      for (let n = 0; n <= LAST; n++) await leaveAfter(client, n);
    });

    await t.step("200 requests for the same image are one generation", async () => {
      const request = client.fresh();
      const { started } = client.gpu;
      const streams = await Promise.all(
        Array.from({ length: 200 }, () => client.stream(request)),
      );
      for (const frames of streams) await assertWhole(frames, undisturbedSha256(request));
      assert.equal(client.gpu.started, started + 1);
    });

    await t.step("No run is followed in the end", () => assert.equal(client.gpu.reading, 0));
  });
});

async function loseRoom(client: ConformanceClient, n: number, forgets: boolean): Promise<void> {
  const { gpu } = client;
  const request = client.fresh();
  const { started } = gpu;
  gpu.script(request.seed, { pauseAfter: n });
  const reader = await client.open(request);
  const head = await reader.until(n);
  const id = idOf(head);
  const lost = readUntilLost(reader);
  assert.equal((await client.request(`/v1/faults/lose/${id}`)).status, 200);
  assert.deepEqual(await lost, [], "what was lost with its room must not look like an end");
  gpu.script(request.seed, {});
  if (forgets) gpu.forget(id);
  else gpu.release(id);
  const frames = [...head, ...await resume(client, id, n)];
  await assertWhole(frames, undisturbedSha256(request));
  assert.equal(gpu.started, started + (forgets ? 2 : 1));
  await postStream(client, request, id);
}

async function leaveAfter(client: ConformanceClient, n: number): Promise<void> {
  const { gpu } = client;
  const request = client.fresh();
  const { started } = gpu;
  gpu.script(request.seed, { pauseAfter: n });
  const reader = await client.open(request);
  const head = await reader.until(n);
  await reader.leave();
  gpu.release(idOf(head));
  const frames = await client.stream(request);
  await assertWhole(frames, undisturbedSha256(request));
  assert.equal(gpu.started, started + 1);
}

Deno.test("The edge killed in mid-run takes the run up again when it is back", async () => {
  await withWorkerd(async (client, options) => {
    const { gpu } = client;
    const stored = client.fresh();
    await postStream(client, stored, "");
    const request = client.fresh();
    gpu.script(request.seed, { pauseAfter: 8 });
    const reader = await client.open(request);
    const head = await reader.until(8);
    const id = idOf(head);
    const lost = readUntilLost(reader);
    const edge = client.edge as EdgeProcess;
    await edge.kill();
    await lost;
    const next = await startWorkerd(options);
    try {
      const after = new ConformanceClient(next, gpu, 1_000);
      gpu.release(id);
      const frames = [...head, ...await resume(after, id, 8)];
      await assertWhole(frames, undisturbedSha256(request));
      assert.equal(gpu.started, 2, "the GPU function joins the run that it has");
      await postStream(after, stored, "");
      await postStream(after, after.fresh(), "");
      assert.equal(gpu.reading, 0);
    } finally {
      await next.stop();
    }
  });
});
