/// <reference lib="deno.ns" />
import assert from "node:assert/strict";
import { EVENTS, PLAN } from "../../contract/fixtures/events.ts";
import type { GenerationEvent } from "../../contract/events/generation_event.ts";
import { PROGRESS, type Progress } from "../../contract/events/progress.ts";
import {
  filmstripSteps,
  type GenerationView,
  IDLE,
  isRunning,
  latestPicture,
  reduceGeneration,
  remainingMs,
} from "./generation_view.ts";

const PROGRESS_REPORT: Progress = {
  type: PROGRESS,
  activity: "denoising",
  rows_done: 2,
  rows_planned: 30,
  row_ms: 2_000,
  elapsed_ms: 9_000,
  remaining_ms: null,
  still_ms: 500,
};

function fold(events: readonly GenerationEvent[], start: GenerationView = IDLE): GenerationView {
  const submitted = reduceGeneration(start, { type: "submitted" });
  return events.reduce(
    (view, event) => reduceGeneration(view, { type: "received", event, elapsedMs: 40 }),
    submitted,
  );
}

const untilType = (type: GenerationEvent["type"]) =>
  EVENTS.slice(0, EVENTS.findIndex((event) => event.type === type) + 1);

Deno.test("reduceGeneration() knows the id from the first event, so that a run can be canceled", () => {
  const view = fold(untilType("generation.queued"));
  assert.equal(view.id, PLAN.id);
  assert(isRunning(view));
});

Deno.test("What is left of a run counts down from its last report", () => {
  const progress = { ...PROGRESS_REPORT, remaining_ms: 60_000 };
  const start = fold(untilType("generation.step"));
  assert.equal(remainingMs(start, 40), null);
  const view = reduceGeneration(start, { type: "received", event: progress, elapsedMs: 10_000 });
  assert.equal(view.stepsDone, 1);
  assert.deepEqual([10_000, 30_000, 90_000].map((ms) => remainingMs(view, ms)), [
    60_000,
    40_000,
    0,
  ]);
});

Deno.test("reduceGeneration() counts steps and evaluations", () => {
  const view = fold(untilType("generation.step"));
  assert.deepEqual([view.stepsDone, view.evaluationsSpent], [1, 2]);
});

Deno.test("reduceGeneration() shows where a run itself ended guidance", () => {
  const guided = { from: 0, to: 20, conditioning: "guided", eos_swapped: false, rows: 2 } as const;
  const view = fold([
    { type: "generation.planned", plan: { ...PLAN, phases: [guided] } },
    { type: "generation.cutoff", step: 6, tail: "null", reason: "tolerance" },
  ]);
  assert.deepEqual(view.plan?.phases, [
    { ...guided, to: 6 },
    { ...guided, from: 6, conditioning: "null", rows: 1 },
  ]);
});

Deno.test("reduceGeneration() completes with the image, all steps and the time it took here", () => {
  const view = fold(untilType("generation.completed"));
  assert.equal(view.status, "completed");
  assert.equal(view.stepsDone, 20);
  assert.equal(view.elapsedMs, 40);
  assert.match(view.image?.source ?? "", /^data:image\/png;base64,iVBOR/);
  assert.equal(view.completed?.evaluations.saved, 0.25);
  assert(!isRunning(view));
});

Deno.test("reduceGeneration() ends on failure and on cancellation", () => {
  const head = untilType("generation.step");
  const [failed, canceled] = EVENTS.slice(-2);
  assert(failed && canceled);
  assert.equal(fold([...head, failed]).problem?.code, "internal");
  assert.equal(fold([...head, canceled]).status, "canceled");
  assert.equal(fold([...head, canceled]).evaluationsSpent, 12);
});

Deno.test("reduceGeneration() keeps the last picture on the stage until the next run has one", () => {
  const first = fold(untilType("generation.completed"));
  const second = fold(untilType("generation.step"), first);
  assert.equal(latestPicture(second), first.image);
  assert.equal(second.image, null);
  assert.notEqual(latestPicture(fold(untilType("generation.preview"), first)), first.image);
});

const FLAGGED = untilType("generation.completed").map((event) =>
  event.type === "generation.image" ? { ...event, safety: { flagged: true } } : event
);

Deno.test("reduceGeneration() veils a flagged image until it is asked for, and keeps none behind", () => {
  const flagged = fold(FLAGGED);
  assert.deepEqual([flagged.veiled, fold(untilType("generation.completed")).veiled], [true, false]);
  assert.equal(fold(untilType("generation.queued"), flagged).backdrop, null);
  const shown = reduceGeneration(flagged, { type: "unveiled" });
  assert.equal(shown.veiled, false);
  assert.equal(fold(untilType("generation.queued"), shown).backdrop, shown.image);
});

Deno.test("reduceGeneration() knows a stored run that is watched again from one of one's own", () => {
  const replayed = reduceGeneration(IDLE, { type: "replayed" });
  assert.deepEqual([replayed.replayed, isRunning(replayed)], [true, true]);
  const left = reduceGeneration(replayed, { type: "left" });
  assert.equal(isRunning(left), false);
  assert.equal(reduceGeneration(left, { type: "submitted" }).replayed, false);
});

Deno.test("reduceGeneration() forgets a problem once the form is edited", () => {
  const failed = fold(EVENTS.filter(({ type }) => type === "generation.failed"));
  assert.equal(reduceGeneration(failed, { type: "edited" }).problem, null);
});

Deno.test("filmstripSteps() awaits planned previews only while the run lasts", () => {
  const running = fold(untilType("generation.preview"));
  assert.deepEqual(filmstripSteps(running), PLAN.previews.steps);
  assert.deepEqual(filmstripSteps(fold(untilType("generation.completed"))), [4]);
});
