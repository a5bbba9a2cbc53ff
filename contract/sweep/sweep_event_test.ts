/// <reference lib="deno.ns" />
// Broken here: a sweep claims at its end another cost than that of its branches.
import assert from "node:assert/strict";
import { EVENTS } from "../fixtures/events.ts";
import { planningModel } from "../fixtures/planning_model.ts";
import {
  type BranchEnd,
  createProblem,
  isSweepTerminal,
  parseSweepEvent,
  parseSweepRequest,
  planGeneration,
  planSweep,
  type SweepEvent,
  sweepOutcome,
  sweepStatus,
} from "../mod.ts";

function sweepOf(cutoffs: readonly unknown[]) {
  const request = parseSweepRequest({ base: { model: "fixture", prompt: "a blue bird" }, cutoffs });
  assert(request.ok);
  const sweep = planSweep(request.value, 7, (branch) => planGeneration(branch, planningModel()));
  assert(sweep.ok);
  return sweep.value;
}

const SWEEP = sweepOf([{ a: 0 }, { a: 10 }, { a: 10 }, { a: 15 }]);
const failure = createProblem("upstream_failed", "It broke off");
const ended = (end: Partial<BranchEnd>): BranchEnd => ({
  status: "succeeded",
  cached: false,
  spent: 0,
  shared: 0,
  failure: null,
  ...end,
});

Deno.test("sweepOutcome() counts what was spent once, and all that it was spared", () => {
  const second = ended({ spent: 9, shared: 21 });
  const ends = [
    ended({ spent: 40 }),
    second,
    second,
    ended({ cached: true, spent: 20, shared: 5 }),
  ];
  const { id, branches, evaluations } = sweepOutcome(SWEEP, ends);
  assert.equal(id, SWEEP.id);
  assert.deepEqual(
    branches.map(({ same_as, evaluations: { spent, shared } }) => [same_as, spent, shared]),
    [[null, 40, 0], [null, 9, 21], [1, 0, 30], [null, 0, 25]],
  );
  assert.deepEqual(evaluations, {
    planned: 125,
    spent: 49,
    shared: 76,
    full: 160,
    saved: 1 - 125 / 160,
  });
});

Deno.test("sweepOutcome() counts as saved what an automatic cutoff left out", () => {
  const [first] = sweepOf(["auto", { a: 0 }]).branches;
  assert.equal(first?.plan.evaluations.planned, 40);
  const early = ended({ spent: 10, shared: 15 });
  const outcome = sweepOutcome(sweepOf(["auto", { a: 0 }]), [early, ended({ spent: 40 })]);
  assert.deepEqual(outcome.branches.map(({ evaluations }) => evaluations.saved), [1 - 25 / 40, 0]);
  assert.equal(outcome.evaluations.saved, 1 - 65 / 80);
});

Deno.test("sweepOutcome() says of a failed branch what it spent, and why it failed", () => {
  const ok = ended({ spent: 40 });
  const { branches } = sweepOutcome(SWEEP, [
    ok,
    ended({ status: "failed", spent: 7, failure }),
    ok,
    ok,
  ]);
  assert.deepEqual([branches[1]?.evaluations.spent, branches[1]?.failure], [7, failure]);
  assert.equal(branches[1]?.evaluations.saved, 0.25, "it was to save what was planned");
  assert.throws(() => sweepOutcome(SWEEP, [ok]), RangeError);
});

Deno.test("sweepStatus() lets no failed branch take the others down", () => {
  const of = (...statuses: BranchEnd["status"][]) => statuses.map((status) => ({ status }));
  assert.equal(sweepStatus(of("succeeded", "failed"), false), "succeeded");
  assert.equal(sweepStatus(of("succeeded", "canceled"), false), "succeeded");
  assert.equal(sweepStatus(of("succeeded", "canceled"), true), "canceled");
  assert.equal(sweepStatus(of("succeeded", "succeeded"), true), "succeeded");
  assert.equal(sweepStatus(of("failed", "canceled"), false), "failed");
  assert.equal(sweepStatus(of("canceled", "canceled"), false), "canceled");
});

Deno.test("parseSweepEvent() reads back every event that is written", () => {
  const { id, axis, evaluations } = SWEEP;
  const branches = SWEEP.branches.map(({ label, same_as, plan }) => ({ label, same_as, plan }));
  const outcome = sweepOutcome(SWEEP, Array(4).fill(ended({ status: "failed", failure })));
  const events: SweepEvent[] = [
    { type: "sweep.planned", id, axis, branches, evaluations },
    ...EVENTS.map((event) => ({ type: "sweep.event" as const, branch: 3, event })),
    { type: "sweep.sheet", url: "/v1/sweeps/x/sheet.svg", width: 3, height: 2, svg: null },
    { type: "sweep.completed", ...outcome, cached: false },
    { type: "sweep.failed", ...outcome, error: failure },
    { type: "sweep.canceled", ...outcome },
  ];
  for (const event of events) {
    assert.deepEqual(parseSweepEvent(JSON.parse(JSON.stringify(event))), {
      ok: true,
      value: event,
    });
  }
  assert.deepEqual(events.filter(isSweepTerminal), events.slice(-3));
});

Deno.test("parseSweepEvent() names what is wrong, inside a branch's event too", () => {
  const bad = [
    { type: "sweep.other" },
    { type: "sweep.event", branch: -1, event: EVENTS[0] },
    { type: "sweep.event", branch: 0, event: { type: "generation.other" } },
    { type: "sweep.completed", id: "x" },
  ];
  for (const input of bad) {
    const parsed = parseSweepEvent(input);
    assert(!parsed.ok && parsed.problem.code === "upstream_failed", JSON.stringify(input));
  }
});
