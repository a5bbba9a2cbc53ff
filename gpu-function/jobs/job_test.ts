import assert from "node:assert/strict";
import { type GenerationEventType, isTerminal } from "../../contract/mod.ts";
import { EVENTS as STORY } from "../../contract/fixtures/events.ts";
import { INSIGHT_EVENTS } from "../../contract/fixtures/insight_events.ts";
import { eventOf } from "../fixtures/paced_engine.ts";
import { advanceJob, createJobState, outcomeOf, summarizeJob } from "./job.ts";

/** One of every type. */
const EVENTS = [
  ...STORY,
  ...new Map(INSIGHT_EVENTS.map((event) => [event.type, event])).values(),
];

const PATHS = {
  new: [],
  queued: ["generation.queued"],
  planned: ["generation.queued", "generation.planned"],
  running: ["generation.queued", "generation.planned", "generation.step"],
  drawn: ["generation.queued", "generation.planned", "generation.step", "generation.image"],
} as const satisfies Record<string, readonly GenerationEventType[]>;
const DRAWN = PATHS.drawn;

const ALLOWED: Readonly<Record<string, readonly GenerationEventType[]>> = {
  new: ["generation.queued"],
  queued: ["generation.planned", "generation.failed", "generation.canceled"],
  planned: ["generation.step", "generation.cutoff", "generation.failed", "generation.canceled"],
  running: [
    "generation.step",
    "generation.preview",
    "generation.cutoff",
    "generation.attention",
    "generation.attention_summary",
    "generation.frequency",
    "generation.frequency_summary",
    "generation.guidance",
    "generation.image",
    "generation.failed",
    "generation.canceled",
  ],
  drawn: ["generation.completed", "generation.failed", "generation.canceled"],
};

function stateAfter(path: readonly GenerationEventType[]) {
  return path.map(eventOf).reduce((state, event) => advanceJob(state, event, 5), createJobState(1));
}

// Without the table an engine gone wrong would give its readers two ends, or none.
for (const [phase, path] of Object.entries(PATHS)) {
  Deno.test(`A job that is ${phase} takes its events and no other`, () => {
    const state = stateAfter(path);
    assert.equal(state.phase, phase);
    const taken = EVENTS.filter((event) => {
      try {
        return advanceJob(state, event, 5) !== null;
      } catch (cause) {
        assert(cause instanceof RangeError);
        assert.equal(cause.message, `${event.type} cannot come while a job is ${phase}`);
        return false;
      }
    });
    assert.deepEqual(taken.map(({ type }) => type).sort(), [...ALLOWED[phase] ?? []].sort());
  });
}

for (const event of EVENTS.filter(isTerminal)) {
  Deno.test(`Nothing follows ${event.type}`, () => {
    const state = advanceJob(stateAfter(DRAWN), event, 7);
    assert(outcomeOf(state));
    assert.equal(state.completedAtMs, 7);
    for (const late of EVENTS) assert.throws(() => advanceJob(state, late, 8), RangeError);
  });
}

Deno.test("summarizeJob() speaks Cog: status, seconds, ISO times, the problem's sentence", () => {
  assert.deepEqual(summarizeJob("x", stateAfter(PATHS.planned)), {
    id: "x",
    status: "starting",
    error: null,
    metrics: {},
    created_at: "1970-01-01T00:00:00.001Z",
    completed_at: null,
  });
  const done = summarizeJob("x", stateAfter([...DRAWN, "generation.completed"]));
  assert.equal(done.status, "succeeded");
  assert.deepEqual(done.metrics, { predict_time: 0.0125 });
  assert.equal(done.completed_at, "1970-01-01T00:00:00.005Z");
  const failed = summarizeJob("x", stateAfter(["generation.queued", "generation.failed"]));
  assert.deepEqual([failed.status, failed.error], ["failed", "The engine broke off"]);
});

Deno.test("advanceJob() counts the evaluations spent, also those of a canceled run", () => {
  const canceled = stateAfter([...PATHS.running, "generation.canceled"]);
  assert.deepEqual([canceled.phase, canceled.evaluations], ["canceled", 2]);
  assert.equal(stateAfter([...DRAWN, "generation.completed"]).evaluations, 30);
});
