import assert from "node:assert/strict";
import { createLatents } from "../../diffusion/mod.ts";
import { createDriver, type DenoisingJob } from "./driver.ts";
import { doublingDenoiser } from "../../fixtures/doubling_denoiser.ts";
import type { Denoiser, DenoiserRow } from "../../onnx/denoiser.ts";

const states = { data: new Float32Array(2), positions: 1, width: 2 };
const row = (value: number): DenoiserRow => ({
  x: createLatents(Float32Array.of(value, value), [1, 1, 2]),
  timestep: 1,
  states,
});

/** Brings the given rows, evaluation by evaluation. */
function scriptedJob(denoiser: Denoiser, script: readonly (readonly number[])[]) {
  const received: number[][] = [];
  const job: DenoisingJob = {
    denoiser,
    batchKey: "k",
    nextRows: () => (script[received.length] ?? []).map(row),
    accept: ({ value }) => void received.push(value.map(({ data }) => data[0]!)),
  };
  return { job, received };
}

const never = () => new AbortController().signal;

Deno.test("the driver mixes rows of running jobs and gives each its own outputs", async () => {
  const { denoiser, batches } = doublingDenoiser();
  const driver = createDriver({ rowsMax: 4 });
  const a = scriptedJob(denoiser, [[1, 2], [3]]);
  const b = scriptedJob(denoiser, [[10], [20, 30]]);
  await Promise.all([driver.run(a.job, never()), driver.run(b.job, never())]);
  assert.deepEqual(a.received, [[2, 4], [6]]);
  assert.deepEqual(b.received, [[20], [40, 60]]);
  // The first batch starts before the second job arrives; from then on they share.
  assert.deepEqual(batches, [[1, 2], [10, 3], [20, 30]]);
});

Deno.test("a job gets the attention and the freshness of its own rows", async () => {
  const { denoiser } = doublingDenoiser();
  const labelled: Denoiser = {
    ...denoiser,
    async run(rows) {
      const attention = rows.map(({ x }) => [x]);
      const fresh = rows.map(({ x }) => x.data[0]! < 10);
      return { ...await denoiser.run(rows), attention, fresh };
    },
  };
  const driver = createDriver({ rowsMax: 4 });
  const received: (readonly [unknown, unknown])[][] = [[], []];
  const jobs = [scriptedJob(labelled, [[1, 2], [3]]), scriptedJob(labelled, [[10], [20, 30]])];
  await Promise.all(jobs.map(({ job }, i) => {
    const accept: DenoisingJob["accept"] = (outputs) => {
      const layers = outputs.attention?.map((layers) => layers?.[0]?.data[0]);
      received[i]!.push([layers, outputs.fresh]);
      job.accept(outputs);
    };
    return driver.run({ ...job, accept }, never());
  }));
  assert.deepEqual(received, [
    [[[1, 2], [true, true]], [[3], [true]]],
    [[[10], [false]], [[20, 30], [false, false]]],
  ]);
});

Deno.test("the driver serves jobs in turn when rows run alone", async () => {
  const { denoiser, batches } = doublingDenoiser();
  const driver = createDriver({ rowsMax: 1 });
  const jobs = [[[1], [1], [1]], [[2], [2], [2]]].map((s) => scriptedJob(denoiser, s));
  await Promise.all(jobs.map(({ job }) => driver.run(job, never())));
  assert.deepEqual(batches.flat(), [1, 2, 1, 2, 1, 2]);
});

Deno.test("a job whose row breaks the batch fails alone", async () => {
  const { denoiser } = doublingDenoiser();
  const driver = createDriver({ rowsMax: 4 });
  const first = scriptedJob(denoiser, [[7], [7], [7]]);
  const bad = scriptedJob(denoiser, [[1], [NaN]]);
  const good = scriptedJob(denoiser, [[5], [5], [5]]);
  const results = await Promise.allSettled(
    [first, bad, good].map(({ job }) => driver.run(job, never())),
  );
  assert.deepEqual(results.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled"]);
  assert.deepEqual(good.received, [[10], [10], [10]]);
});

Deno.test("a job that throws on its outputs fails alone, and the driver goes on", async () => {
  const { denoiser } = doublingDenoiser();
  const driver = createDriver({ rowsMax: 1 });
  const bad = scriptedJob(denoiser, [[1]]);
  const throwing = { ...bad.job, accept: () => assert.fail("not finite") };
  await assert.rejects(driver.run(throwing, never()), /not finite/);
  const good = scriptedJob(denoiser, [[5]]);
  await driver.run(good.job, never());
  assert.deepEqual(good.received, [[10]]);
});

Deno.test("an aborted job leaves before the next batch and takes no more outputs", async () => {
  const { denoiser, batches } = doublingDenoiser();
  const driver = createDriver({ rowsMax: 1 });
  const controller = new AbortController();
  const gone = scriptedJob(denoiser, [[1], [1], [1], [1]]);
  const stopping: DenoisingJob = {
    ...gone.job,
    accept(outputs) {
      gone.job.accept(outputs);
      if (gone.received.length === 2) controller.abort(new Error("canceled"));
    },
  };
  const stays = scriptedJob(denoiser, [[5], [5], [5], [5]]);
  const [first, second] = await Promise.allSettled([
    driver.run(stopping, controller.signal),
    driver.run(stays.job, never()),
  ]);
  assert.equal(first.status, "rejected");
  assert.equal(second.status, "fulfilled");
  assert.equal(batches.flat().filter((value) => value === 1).length, 2);
  await assert.rejects(driver.run(gone.job, controller.signal), /canceled/);
});
