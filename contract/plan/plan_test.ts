/// <reference lib="deno.ns" />
// Broken here: an invalid plan passes, or a valid one changes on its way between two programs.
import assert from "node:assert/strict";
import { PLAN } from "../fixtures/events.ts";
import { planningModel } from "../fixtures/planning_model.ts";
import {
  parseGenerationEvent,
  parseGenerationRequest,
  parsePlan,
  parseSweepEvent,
  type Plan,
  planGeneration,
} from "../mod.ts";

const REQUESTS: readonly object[] = [
  { eos_swap: { prompt: "a chair" }, token_states: { eos: "zeros" } },
  { eos_swap: { prompt: "a chair", to: 5, scope: "first" }, insights: ["attention", "guidance"] },
  { cutoff: "auto", previews: { every: 0 }, negative_prompt: "a chair" },
  { cutoff: { a: 3, guided_from: 2, head: "cond", tail: "delta" }, semantic_repeats: 2 },
];

function planOf(more: object): Plan {
  const request = parseGenerationRequest({ model: "fixture", prompt: "a blue bird", ...more });
  assert(request.ok);
  const plan = planGeneration({ ...request.value, seed: 7 }, planningModel());
  assert(plan.ok, JSON.stringify(plan));
  return plan.value;
}

/** The plan as JSON after an event of another program brought it here. */
function passOn(plan: object): string {
  const event = parseGenerationEvent({ type: "generation.planned", plan });
  assert(event.ok && event.value.type === "generation.planned", JSON.stringify(event));
  return JSON.stringify(event.value.plan);
}

Deno.test("a plan is passed on as it came, to the byte", () => {
  for (const plan of [PLAN, ...REQUESTS.map(planOf)]) {
    assert.equal(passOn(plan), JSON.stringify(plan));
    assert.deepEqual(parsePlan(plan), { ok: true, value: plan });
  }
});

Deno.test("a plan keeps what only a newer program knows, at whatever depth", () => {
  const [token] = PLAN.tokens.prompt;
  const newer = {
    ...PLAN,
    cutoff: { later: 1, ...PLAN.cutoff },
    tokens: { ...PLAN.tokens, prompt: [{ ...token, later: true }] },
    later: { deep: [1] },
  };
  assert.equal(passOn(newer), JSON.stringify(newer));
});

const WRONG: Readonly<Record<string, object>> = {
  id: { id: "x" },
  seed: { seed: "7" },
  "cutoff.guided_from": { cutoff: { ...PLAN.cutoff, guided_from: -1 } },
  "insights.names.0": { insights: { ...PLAN.insights, names: ["atention"] } },
  "phases.0.rows": { phases: [{ ...PLAN.phases[0], rows: 3 }] },
  "evaluations.full": { evaluations: { planned: 1, saved: 0 } },
  "tokens.prompt.0.class": {
    tokens: { ...PLAN.tokens, prompt: [{ ...PLAN.tokens.prompt[0], class: "word" }] },
  },
};

for (const [field, more] of Object.entries(WRONG)) {
  Deno.test(`a plan that is wrong in ${field} is refused in every place`, () => {
    const plan = { ...PLAN, ...more };
    const evaluations = { planned: 1, together: 1, full: 1, saved: 0 };
    const branches = [{ label: "a = 1", same_as: null, plan }];
    const sweep = { type: "sweep.planned", id: PLAN.id, axis: "cutoffs", branches, evaluations };
    const event = { type: "generation.planned", plan };
    for (
      const [parsed, place] of [
        [parsePlan(plan), field],
        [parseGenerationEvent(event), `plan.${field}`],
        [parseSweepEvent(sweep), `branches.0.plan.${field}`],
        [parseSweepEvent({ type: "sweep.event", branch: 0, event }), `plan.${field}`],
      ] as const
    ) {
      assert(!parsed.ok);
      assert.equal(parsed.problem.code, "upstream_failed");
      assert(parsed.problem.detail.includes(` is not valid: ${place}`), parsed.problem.detail);
    }
  });
}

function without(fields: object, ...names: readonly string[]): object {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name)));
}

Deno.test("a plan from before there were insights, replaced states and heads says what it meant", () => {
  const plan = planOf({ eos_swap: { prompt: "a chair" } });
  const older = {
    ...without(plan, "insights", "token_states", "semantic_repeats"),
    cutoff: without(plan.cutoff, "guided_from", "head", "auto"),
    eos_swap: without(plan.eos_swap ?? {}, "scope", "align"),
    tokens: { ...plan.tokens, prompt: plan.tokens.prompt.map((token) => without(token, "state")) },
  };
  assert.deepEqual(parsePlan(older), { ok: true, value: plan });
});
