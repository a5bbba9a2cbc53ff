// A database that fails or falls silent: the n-th call of each request is lost, for every n.
import assert from "node:assert/strict";
import { idOf, readFrames, SweepReader } from "../support/conformance_client.ts";
import { describeFailure, type Failure, failuresOf } from "./call_faults.ts";
import { CALL_MS } from "./failing_database.ts";
import { drawNumbers, printedSeed } from "./chance.ts";
import {
  assertEnds,
  assertWhole,
  type SeededInput,
  sha256Of,
  type Stage,
  undisturbedSha256,
  withStage,
} from "./stage.ts";

const draw = drawNumbers(printedSeed("database_test"));

interface Story {
  readonly name: string;
  /** Whether, when the database begins to fail, it has the result and the edge is new. */
  readonly stored: boolean;
  /** Sends the disturbed request. Throws if its answer is wrong. */
  act(stage: Stage, request: SeededInput, id: string): Promise<void>;
}

const JSON_ANSWER = { headers: { accept: "application/json" } };

const generationPath = (id: string) => `/v1/generations/${id}`;

/** An existing result may answer 503 for a moment, but never 404. */
async function answersOr503(response: Response, read: (r: Response) => Promise<void>) {
  if (response.status !== 503) return await read(response);
  const problem = await response.json();
  assert.equal(problem.code, "storage_unavailable");
  assert(Number(response.headers.get("retry-after")) > 0);
}

async function postStream({ client }: Stage, request: SeededInput): Promise<void> {
  await assertWhole(await client.stream(request), undisturbedSha256(request));
}

async function postJson({ client }: Stage, request: SeededInput): Promise<void> {
  const { status, image } = await client.json(request);
  assert.equal(status, "succeeded");
  assert.equal(image.sha256, undisturbedSha256(request));
}

async function postSweep({ client }: Stage, base: SeededInput): Promise<void> {
  const response = await client.post(sweepOf(base), { path: "/v1/sweeps" });
  const frames = await new SweepReader(response).rest();
  assert.deepEqual(frames.map(({ id }) => id), frames.map((_, index) => index));
  const ends = frames.filter(({ event }) =>
    ["sweep.completed", "sweep.failed", "sweep.canceled"].includes(event.type)
  );
  assert.deepEqual(ends, frames.slice(-1));
  assert.equal(ends[0]?.event.type, "sweep.completed");
}

function sweepOf(base: SeededInput) {
  return { base, cutoffs: [{ a: 0 }, { a: 5 }] };
}

async function cancelRunning({ client, gpu }: Stage, request: SeededInput): Promise<void> {
  gpu.script(request.seed, { pauseAfter: 6 });
  const reader = await client.open(request);
  const head = await reader.until(6);
  const canceled = await client.request(generationPath(idOf(head)), { method: "DELETE" });
  assert.equal(canceled.status, 202, await canceled.text());
  const frames = [...head, ...await reader.rest()];
  assertEnds(frames);
  assert.equal(frames.at(-1)?.event.type, "generation.canceled");
  gpu.script(request.seed, {});
}

const STORIES: readonly Story[] = [
  { name: "POST that misses, as a stream", stored: false, act: postStream },
  { name: "POST that misses, as JSON", stored: false, act: postJson },
  { name: "POST that hits, as a stream", stored: true, act: postStream },
  { name: "POST that hits, as JSON", stored: true, act: postJson },
  { name: "POST of a sweep", stored: false, act: postSweep },
  { name: "POST of a sweep, one branch stored", stored: true, act: postSweep },
  { name: "DELETE of a running generation", stored: false, act: cancelRunning },
  {
    name: "DELETE of a finished generation",
    stored: true,
    act: async ({ client }, _, id) =>
      await answersOr503(
        await client.request(generationPath(id), { method: "DELETE" }),
        async (response) => assert.equal(response.status, 409, await response.text()),
      ),
  },
  {
    name: "GET of a generation",
    stored: true,
    act: async ({ client }, request, id) =>
      await answersOr503(await client.request(generationPath(id)), async (response) => {
        const { image } = await response.json();
        assert.equal(image.sha256, undisturbedSha256(request));
      }),
  },
  {
    name: "GET of the events",
    stored: true,
    act: async ({ client }, request, id) =>
      await answersOr503(await client.follow(id), async (response) => {
        await assertWhole(await readFrames(response), undisturbedSha256(request));
      }),
  },
  {
    name: "GET of the image",
    stored: true,
    act: async ({ client }, request, id) =>
      await answersOr503(await client.request(`/v1/images/${id}.png`), async (response) => {
        assert.equal(await sha256Of(await response.bytes()), undisturbedSha256(request));
      }),
  },
  {
    name: "POST of a plan",
    stored: true,
    act: async ({ client }, request, id) => {
      const response = await client.post(request, { path: "/v1/plans", ...JSON_ANSWER });
      assert.equal((await response.json()).id, id);
    },
  },
];

/** @returns how many calls of the database the request took */
async function perform(stage: Stage, story: Story, failure: Failure | null): Promise<number> {
  const { faults, clock } = stage.data;
  const request = stage.client.fresh();
  let id = "";
  if (story.stored) {
    id = idOf(await stage.client.stream(request));
    await stage.restart();
    stage.gpu.forget(id);
  }
  faults.arm(failure);
  await story.act(stage, request, id);
  await stage.settled();
  const { calls } = faults;
  faults.arm(null);
  clock.elapse(CALL_MS);
  await assertRecovered(stage, request);
  return calls;
}

/** Repeats the request and sends a new one, here and after a restart: all answers are whole. */
async function assertRecovered(stage: Stage, request: SeededInput): Promise<void> {
  for (const edge of ["this", "next"]) {
    if (edge === "next") await stage.restart();
    for (const asked of [request, stage.client.fresh()]) {
      const sha256 = undisturbedSha256(asked);
      const frames = await stage.client.stream(asked);
      await assertWhole(frames, sha256);
      const image = await stage.client.request(`/v1/images/${idOf(frames)}.png`);
      assert.equal(image.status, 200, `${edge} edge`);
      assert.equal(await sha256Of(await image.bytes()), sha256);
    }
  }
  assert.equal(stage.gpu.reading, 0, "a run is still followed");
}

for (const story of STORIES) {
  Deno.test(`${story.name}: each call of the database is lost once, nothing else is`, async () => {
    await withStage(async (stage) => {
      const calls = await perform(stage, story, null);
      assert(calls > 0, "the request did not reach the database");
      for (const failure of failuresOf(calls, draw)) {
        await perform(stage, story, failure).catch((cause) => {
          throw new Error(describeFailure(failure), { cause });
        });
      }
    });
  });
}

Deno.test("A database that is full: results are not stored, none is lost, and it goes on when there is room", async () => {
  await withStage(async (stage) => {
    const { data, client, gpu } = stage;
    const before = client.fresh();
    await postStream(stage, before);
    // The file may not grow. A run that fits into its free pages would prove nothing.
    data.execute("PRAGMA max_page_count = 1");
    const request = client.fresh();
    gpu.script(request.seed, { imageBytes: 200_000 });
    const frames = await client.stream(request);
    assertEnds(frames);
    assert.equal(frames.at(-1)?.event.type, "generation.completed");
    const calls = gpu.puts.length;
    const again = await client.stream(request);
    assert.equal(gpu.puts.length, calls, "the room has it as long as it remembers");
    assert.deepEqual(again.slice(0, -1), frames.slice(0, -1));
    await postStream(stage, before);
    await stage.restart();
    await postStream(stage, before);
    assert.deepEqual((await stage.client.stream(request)).slice(0, -1), frames.slice(0, -1));
    assert.equal(gpu.puts.length, calls + 1, "it was stored, so the database was not full");
    data.execute("PRAGMA max_page_count = 1000000");
    await stage.restart();
    await stage.client.stream(request);
    await stage.settled();
    await stage.restart();
    assert.equal((await stage.client.json(request)).cached, true);
  });
});
