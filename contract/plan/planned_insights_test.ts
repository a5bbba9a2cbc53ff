/// <reference lib="deno.ns" />
import assert from "node:assert/strict";
import { MANIFEST, planningModel } from "../fixtures/planning_model.ts";
import { INSIGHTS, INSIGHTS_WITHOUT_TAPS } from "../request/insights.ts";
import { joinInsights, lacksInsights } from "./joined_insights.ts";
import { type GenerationRequestInput, parseGenerationRequest, planGeneration } from "../mod.ts";

function tryPlan(request: Partial<GenerationRequestInput>, model = planningModel()) {
  const parsed = parseGenerationRequest({ model: "fixture", prompt: "a blue bird", ...request });
  assert(parsed.ok);
  return planGeneration({ ...parsed.value, seed: 7 }, model);
}

function plan(request: Partial<GenerationRequestInput>) {
  const planned = tryPlan(request);
  assert(planned.ok);
  return planned.value;
}

Deno.test("insights are planned once each, in one order, and change no key", () => {
  const asked = plan({ insights: ["guidance", "attention", "guidance"] });
  assert.deepEqual(asked.insights, {
    names: ["attention", "guidance"],
    low_fraction: 0.2,
    convergence_level: 0.9,
    map_steps: [4, 9, 14],
  });
  const options = { low_fraction: 0.5, convergence_level: 0.5 };
  for (const other of [{}, { insights: [...INSIGHTS], insight_options: options }]) {
    assert.equal(plan(other).id, asked.id);
  }
  assert.deepEqual(plan({}).insights.names, []);
});

Deno.test("maps are sent at previews that see the prompt, at most eight of them, evenly", () => {
  const steps = (request: Partial<GenerationRequestInput>) =>
    plan({ insights: ["attention"], ...request }).insights.map_steps;
  assert.deepEqual(steps({ cutoff: { guided_steps: 10 } }), [4, 9]);
  assert.deepEqual(steps({ cutoff: { guided_steps: 10, tail: "cond" } }), [4, 9, 14]);
  assert.deepEqual(steps({ cutoff: { guided_steps: 10, guided_from: 10, head: "null" } }), [14]);
  assert.deepEqual(steps({ previews: { every: 0 } }), []);
  assert.deepEqual(steps({ previews: { every: 1 } }), [0, 3, 6, 9, 12, 15, 18]);
  assert.deepEqual(steps({ previews: { every: 1 }, cutoff: { guided_steps: 8 } }).length, 8);
  assert.deepEqual(plan({ insights: ["guidance"] }).insights.map_steps, []);
});

Deno.test("attention is refused by its place where the package names no taps", () => {
  const model = planningModel();
  const untapped = {
    ...model,
    manifest: { ...MANIFEST, insights: [...INSIGHTS_WITHOUT_TAPS] },
  };
  const refused = tryPlan({ insights: ["frequency", "attention"] }, untapped);
  assert(!refused.ok);
  assert.equal(refused.problem.code, "unplannable");
  assert.equal(
    refused.problem.detail,
    "insights.1 must be one of frequency, guidance for model fixture, whose package names no taps, " +
      'given "attention"',
  );
  assert(tryPlan({ insights: ["frequency", "guidance"] }, untapped).ok);
});

Deno.test("a stored result answers for what it shows, with the same options", () => {
  const stored = plan({ insights: ["attention", "frequency"] });
  const low_fraction = 0.5;
  assert(!lacksInsights(stored, plan({})));
  assert(!lacksInsights(stored, plan({ insights: ["frequency"] })));
  assert(lacksInsights(stored, plan({ insights: ["guidance"] })));
  assert(
    lacksInsights(stored, plan({ insights: ["frequency"], insight_options: { low_fraction } })),
  );
  assert(
    !lacksInsights(stored, plan({ insights: ["attention"], insight_options: { low_fraction } })),
  );
  const convergence_level = 0.5;
  const level = plan({ insights: ["attention"], insight_options: { convergence_level } });
  assert(lacksInsights(stored, level));
  const { insights: _, ...older } = stored;
  assert(!lacksInsights(older, plan({})));
  assert(lacksInsights(older, plan({ insights: ["guidance"] })));
});

Deno.test("a result that lacks insights runs again with its own as well, under its key", () => {
  const parsed = parseGenerationRequest({
    model: "fixture",
    prompt: "a blue bird",
    seed: 7,
    insights: ["guidance"],
    insight_options: { low_fraction: 0.5 },
  });
  assert(parsed.ok);
  const request = { ...parsed.value, seed: 7 };
  const asked = plan({ insights: ["guidance"], insight_options: { low_fraction: 0.5 } });
  const known = plan({ insights: ["attention"] });
  const joined = joinInsights({ request, plan: asked }, known);
  assert.deepEqual(joined.request.insights, ["attention", "guidance"]);
  assert.deepEqual(joined.plan, {
    ...asked,
    insights: { ...known.insights, names: ["attention", "guidance"], low_fraction: 0.5 },
  });
  assert(!lacksInsights(joined.plan, known) && !lacksInsights(joined.plan, asked));
  const { insights: _, ...older } = known;
  assert.deepEqual(joinInsights({ request, plan: asked }, older).plan, asked);
});
