/// <reference lib="deno.ns" />
// Broken here: a branch shows another's image, and an image is compared with itself.
import assert from "node:assert/strict";
import { MANIFEST, planningModel } from "../../contract/fixtures/planning_model.ts";
import { EVENTS } from "../../contract/fixtures/events.ts";
import { planGeneration } from "../../contract/plan/planning.ts";
import { createProblem } from "../../contract/problem.ts";
import type { SweepEvent } from "../../contract/sweep/sweep_event.ts";
import { sweepOutcome } from "../../contract/sweep/sweep_outcome.ts";
import { planSweep } from "../../contract/sweep/sweep_plan.ts";
import { parseSweepRequest } from "../../contract/sweep/sweep_request.ts";
import { comparisonLine } from "../parts/comparison.tsx";
import { EMPTY_DRAFT } from "./request_draft.ts";
import { cutoffRow, draftSweep } from "./sweep_draft.ts";
import {
  isSweeping,
  NO_SWEEP,
  reduceSweep,
  type SweepView,
  sweptEvaluations,
} from "./sweep_view.ts";

function planOf(body: unknown) {
  const parsed = parseSweepRequest(body);
  assert(parsed.ok, JSON.stringify(parsed));
  const planned = planSweep(parsed.value, 7, (request) => planGeneration(request, planningModel()));
  assert(planned.ok);
  return planned.value;
}

const PLAN = planOf({
  base: { model: "fixture", prompt: "a blue bird" },
  cutoffs: [{ a: 0 }, { a: 5 }, { guided_steps: 15 }],
});

const PLANNED: SweepEvent = {
  type: "sweep.planned",
  id: PLAN.id,
  axis: PLAN.axis,
  branches: PLAN.branches,
  evaluations: PLAN.evaluations,
};

function fold(events: readonly SweepEvent[], start: SweepView = NO_SWEEP): SweepView {
  return events.reduce((view, event) => reduceSweep(view, { type: "received", event }), start);
}

const ofBranch = (branch: number, type: string): SweepEvent => {
  const event = EVENTS.find((candidate) => candidate.type === type);
  assert(event);
  return { type: "sweep.event", branch, event };
};

Deno.test("reduceSweep() fills each branch with its own pictures, an equal one with its twin's", () => {
  const preview = fold([
    PLANNED,
    ofBranch(1, "generation.step"),
    ofBranch(1, "generation.preview"),
  ]);
  assert(isSweeping(preview));
  assert.deepEqual(preview.branches.map(({ picture }) => picture !== null), [false, true, true]);
  assert.deepEqual(preview.branches.map(({ finished }) => finished), [false, false, false]);
  assert.equal(sweptEvaluations(preview), 2, "the twin runs nothing of its own");
  const image = fold([ofBranch(1, "generation.image")], preview);
  assert.deepEqual(image.branches.map(({ finished }) => finished), [false, true, true]);
});

Deno.test("reduceSweep() knows which branches' images were flagged", () => {
  const image = EVENTS.find(({ type }) => type === "generation.image");
  assert(image?.type === "generation.image");
  const event = { ...image, safety: { flagged: true } };
  const view = fold([PLANNED, ofBranch(0, "generation.image"), {
    type: "sweep.event",
    branch: 1,
    event,
  }]);
  assert.deepEqual(view.branches.map(({ flagged }) => flagged), [false, true, true]);
});

Deno.test("reduceSweep() ends with what it cost, and names a failed branch", () => {
  const error = createProblem("internal", "The engine broke off");
  const end = { status: "succeeded", cached: false, spent: 30, shared: 5, failure: null } as const;
  const outcome = sweepOutcome(PLAN, [end, end, end]);
  const view = fold([
    PLANNED,
    { type: "sweep.event", branch: 0, event: { type: "generation.failed", error } },
    { type: "sweep.sheet", url: "/sheet.svg", width: 1, height: 1, svg: null },
    { type: "sweep.completed", ...outcome, cached: false },
  ]);
  assert.deepEqual([view.status, view.sheetUrl], ["completed", "/sheet.svg"]);
  assert.equal(view.branches[0]?.problem, error);
  assert.equal(comparisonLine(view), "3 images for 60 evaluations, 110 if run apart");
  const cached = fold([PLANNED, { type: "sweep.completed", ...outcome, cached: true }]);
  assert.match(comparisonLine(cached), /^From cache/);
  const failed = fold([PLANNED, { type: "sweep.failed", ...outcome, error }]);
  assert.equal(comparisonLine(failed), "The engine broke off");
});

Deno.test("draftSweep() asks for the paper's row of what stands in the form, without its cutoff", () => {
  assert.deepEqual(cutoffRow(50), [0, 5, 10, 15, 20, 25]);
  assert.deepEqual(cutoffRow(3), [0, 1, 2]);
  const draft = { ...EMPTY_DRAFT, prompt: "a blue bird", guided_to: 0.5, tail: "cond" } as const;
  const body = draftSweep(draft, MANIFEST);
  assert.deepEqual(Object.keys(Object(body?.base)), ["model", "prompt", "previews"]);
  const sweep = planOf(body);
  assert.deepEqual(sweep.branches.map(({ label }) => label), [
    "a = 0",
    "a = 2, tail cond",
    "a = 4, tail cond",
    "a = 6, tail cond",
    "a = 8, tail cond",
    "a = 10, tail cond",
  ]);
  assert.deepEqual(sweep.branches[0]?.plan.previews.steps, [3, 7, 11, 15]);
  assert.equal(draftSweep(draft, null), null);
});
