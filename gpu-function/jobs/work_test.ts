// Broken here: whoever waits is promised too much, or waits for a job that stands still.
import assert from "node:assert/strict";
import { PLAN } from "../../contract/fixtures/events.ts";
import { type GenerationEvent, parseProgress } from "../../contract/mod.ts";
import { stepEvent } from "../fixtures/paced_engine.ts";
import { advanceWork, beginActivity, createWork, describeWork } from "./work.ts";

const describe = (work: ReturnType<typeof createWork>, now: number) =>
  describeWork(work, PLAN, now, now - work.movedAt);

Deno.test("A job's rows are counted by the plan, and its pace is measured from its first row", () => {
  let work = createWork(PLAN, 1_000);
  assert.equal(describe(work, 4_000).activity, "queued");
  assert.deepEqual(describe(work, 4_000).elapsed_ms, 3_000);
  for (const activity of ["loading", "encoding", "denoising"] as const) {
    work = beginActivity(work, activity, 5_000);
  }
  assert.equal(describe(work, 6_000).row_ms, null);
  assert.equal(describe(work, 6_000).remaining_ms, null);
  work = advanceWork(work, stepEvent(PLAN, 0), 7_000);
  work = advanceWork(work, stepEvent(PLAN, 1), 9_000);
  const { rows_done, rows_planned, row_ms, remaining_ms, still_ms } = describe(work, 9_500);
  // The fixture guides 10 of 20 steps.
  assert.deepEqual([rows_done, rows_planned], [4, PLAN.evaluations.planned]);
  assert.equal(row_ms, 1_000);
  assert.equal(remaining_ms, (PLAN.evaluations.planned - 4) * 1_000 - 500);
  assert.equal(still_ms, 500);
  assert.equal(describe(beginActivity(work, "decoding", 9_500), 9_500).remaining_ms, null);
});

Deno.test("A run that ends guidance by itself has fewer rows left", () => {
  const phases = [{
    from: 0,
    to: 20,
    conditioning: "guided",
    eos_swapped: false,
    rows: 2,
  }] as const;
  const plan = { ...PLAN, phases };
  const cutoff: GenerationEvent = {
    type: "generation.cutoff",
    step: 6,
    tail: "null",
    reason: "tolerance",
  };
  const work = advanceWork(createWork(plan, 0), cutoff, 1);
  assert.equal(describeWork(work, plan, 1, 0).rows_planned, 2 * 6 + 14);
});

Deno.test("A clock that is set back gives nothing that the wire refuses", () => {
  let work = beginActivity(createWork(PLAN, 9_000), "denoising", 9_000);
  work = advanceWork(work, stepEvent(PLAN, 0), 8_000);
  const progress = describeWork(work, PLAN, 1_000, -7_000);
  assert.deepEqual(parseProgress(progress), { ok: true, value: progress });
});
