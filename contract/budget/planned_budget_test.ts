/// <reference lib="deno.ns" />
// A budget becomes settings: the dearest point of the front that it allows.
import assert from "node:assert/strict";
import { MANIFEST, planningModel } from "../fixtures/planning_model.ts";
import { type ModelManifest, parseGenerationRequest, planGeneration } from "../mod.ts";

/** Of 20 steps guided throughout, 40 rows: 4 rows, 10 rows, and 8 with half of them at a quarter. */
const FRONT: ModelManifest["front"] = [
  { num_inference_steps: 5, sampler: "ddim" },
  { num_inference_steps: 2 },
  { num_inference_steps: 4, reuse: { from: 2, every: 4 }, timestep_spacing: "trailing" },
  { num_inference_steps: 10, cutoff: { guided_fraction: 0.5, tail: "cond" } },
];

function planned(fields: Record<string, unknown>, manifest: Partial<ModelManifest> = {}) {
  const parsed = parseGenerationRequest({ model: "fixture", prompt: "a bird", ...fields });
  if (!parsed.ok) return parsed;
  const model = { ...planningModel(), manifest: { ...MANIFEST, front: FRONT, ...manifest } };
  return planGeneration({ ...parsed.value, seed: 1 }, model);
}

function planOf(fields: Record<string, unknown>, manifest: Partial<ModelManifest> = {}) {
  const plan = planned(fields, manifest);
  assert(plan.ok, plan.ok ? "" : plan.problem.detail);
  return plan.value;
}

Deno.test("the dearest point that the budget allows is taken, and what it is", () => {
  const cases = [
    { budget: 0.1, steps: 2, compute: 0.1 },
    { budget: 0.124, steps: 2, compute: 0.1 },
    { budget: 0.125, steps: 4, compute: 0.125 },
    { budget: 0.25, steps: 5, compute: 0.25 },
    { budget: 0.4, steps: 10, compute: 0.375 },
    { budget: 0.99, steps: 10, compute: 0.375 },
    { budget: 1, steps: 20, compute: 1 },
  ];
  for (const { budget, steps, compute } of cases) {
    const plan = planOf({ budget });
    assert.equal(plan.num_inference_steps, steps, `${budget}`);
    assert.deepEqual(plan.budget, { asked: budget, compute, front: "measured" });
    assert.equal(plan.compute.planned, compute * 40);
  }
  assert.equal(planOf({}).budget, null);
});

Deno.test("a budget is the request that its settings are", () => {
  const { id, timestep_spacing, reuse } = planOf({ budget: 0.2 });
  assert.deepEqual([timestep_spacing, reuse?.whole_steps], ["trailing", [0, 1]]);
  const spelled = { num_inference_steps: 4, reuse: { from: 2, every: 4 } };
  assert.equal(id, planOf({ ...spelled, timestep_spacing: "trailing" }).id);
  const cut = planOf({ budget: 0.4 });
  const settings = { num_inference_steps: 10, cutoff: { guided_fraction: 0.5, tail: "cond" } };
  assert.equal(cut.id, planOf(settings).id);
});

Deno.test("the share is of what the request would compute, whatever it guides", () => {
  const { compute, budget } = planOf({ budget: 0.25, guidance_scale: 1 });
  assert.deepEqual([compute.planned, budget?.compute], [5, 0.25]);
});

Deno.test("a model without a measured front has the default one, by what it can do", () => {
  const front: ModelManifest["front"] = [];
  const solvers = { front, samplers: ["ddim", "dpmpp_2m_karras"] };
  const sizes = { ...solvers, defaults: { ...MANIFEST.defaults, num_inference_steps: 50 } };
  const rich = planOf({ budget: 0.25 }, sizes);
  assert.deepEqual([rich.sampler, rich.budget?.front, rich.reuse !== null], [
    ...["dpmpp_2m_karras", "default", true],
  ]);
  assert.equal(planOf({ budget: 0.3 }, { ...sizes, cuts: [] }).reuse, null);
  const poor = planOf({ budget: 0.25 }, { ...sizes, samplers: ["ddim"], cuts: [] });
  assert.deepEqual([poor.sampler, poor.num_inference_steps, poor.timestep_spacing], [
    ...["ddim", 12, "trailing"],
  ]);
  const flow = planOf({ budget: 0.25 }, {
    ...{ front, cuts: [], samplers: ["flow_euler"] },
    defaults: { ...sizes.defaults, sampler: "flow_euler" },
  });
  assert.deepEqual([flow.sampler, flow.num_inference_steps], ["flow_euler", 12]);
});

Deno.test("a budget that no plan meets, or that says what is said already, is refused", () => {
  const cases: readonly [Record<string, unknown>, string][] = [
    [{ budget: 0.05 }, "budget must be at least 0.1 for model fixture, given 0.05"],
    [
      { budget: 0.5, sampler: "ddim", cutoff: "auto" },
      "budget must be absent where sampler, cutoff is given, given 0.5",
    ],
    [
      { budget: 0.5, num_inference_steps: 9, reuse: {}, timestep_spacing: "linspace" },
      "budget must be absent where num_inference_steps, timestep_spacing, reuse is given, given 0.5",
    ],
    [{ budget: 0 }, "budget must be a number above 0, at most 1, instead of steps"],
    [{ budget: 1.01 }, "budget must be a number above 0, at most 1, instead of steps"],
    [{ budget: "half" }, "budget must be a number above 0, at most 1, instead of steps"],
  ];
  for (const [fields, detail] of cases) {
    const plan = planned(fields);
    assert(!plan.ok && plan.problem.detail.startsWith(detail), plan.ok ? "" : plan.problem.detail);
  }
});
