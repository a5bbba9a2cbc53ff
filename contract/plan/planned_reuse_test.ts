/// <reference lib="deno.ns" />
// Which steps compute the whole model, what that costs, and which keys differ.
import assert from "node:assert/strict";
import { MANIFEST, planningModel } from "../fixtures/planning_model.ts";
import {
  parseGenerationRequest,
  type Plan,
  planGeneration,
  planPhases,
  wholeSteps,
} from "../mod.ts";

/** @throws where the request is refused */
function plan(fields: Record<string, unknown>): Plan {
  const parsed = parseGenerationRequest({ model: "fixture", prompt: "a blue bird", ...fields });
  assert(parsed.ok, parsed.ok ? "" : parsed.problem.detail);
  const planned = planGeneration({ ...parsed.value, seed: 1 }, planningModel());
  assert(planned.ok, planned.ok ? "" : planned.problem.detail);
  return planned.value;
}

function refusal(fields: Record<string, unknown>, manifest = MANIFEST): string {
  const parsed = parseGenerationRequest({ model: "fixture", prompt: "a blue bird", ...fields });
  if (!parsed.ok) return parsed.problem.detail;
  const planned = planGeneration({ ...parsed.value, seed: 1 }, { ...planningModel(), manifest });
  assert(!planned.ok, "planned");
  return planned.problem.detail;
}

const RUN = {
  num_inference_steps: 12,
  guidance_scale: 7.5,
  guided_from: 0,
  guided_steps: 12,
  head: "null",
  tail: "null",
  eos_swap: null,
} as const;
const NOTHING = "";

Deno.test("steps are whole until `from`, then one in `every`", () => {
  const cases = [
    { from: 3, every: 3, whole: [0, 1, 2, 5, 8, 11] },
    { from: 1, every: 2, whole: [0, 2, 4, 6, 8, 10] },
    { from: 1, every: 12, whole: [0] },
    { from: 5, every: 4, whole: [0, 1, 2, 3, 4, 8] },
    { from: 12, every: 2, whole: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11] },
  ];
  for (const { whole, ...options } of cases) {
    const run = { phases: planPhases(RUN), negative_prompt: NOTHING, num_inference_steps: 12 };
    assert.deepEqual(wholeSteps(run, options), whole, JSON.stringify(options));
  }
});

Deno.test("a step whose text the last whole step did not see is whole", () => {
  const window = { eos_swap: { from: 4, to: 6 } };
  const cases = [
    {
      what: "the empty prompt is known from guidance",
      of: { guided_steps: 4 },
      whole: [0, 1, 2, 8],
    },
    {
      what: "a negative prompt is another text",
      of: { guided_steps: 4 },
      negative: "a chair",
      whole: [0, 1, 2, 4, 10],
    },
    { what: "the prompt alone", of: { guided_steps: 4, tail: "cond" }, whole: [0, 1, 2, 8] },
    {
      what: "a head without text",
      of: { guided_from: 4, guided_steps: 8 },
      whole: [0, 1, 2, 4, 10],
    },
    { what: "[EOS] swapped in between", of: window, whole: [0, 1, 2, 4, 6] },
  ] as const;
  for (const { what, of, whole, ...more } of cases) {
    const negative_prompt = "negative" in more ? more.negative : NOTHING;
    const run = { phases: planPhases({ ...RUN, ...of }), negative_prompt, num_inference_steps: 12 };
    assert.deepEqual(wholeSteps(run, { from: 3, every: 6 }), whole, what);
  }
});

Deno.test("compute weighs shallow rows by the model's share", () => {
  const { evaluations, compute, reuse } = plan({ reuse: { every: 4, from: 2 } });
  // Of 20 steps 0, 1, 5, 9, 13 and 17 are whole.
  assert.deepEqual(reuse, { depth: 1, from: 2, every: 4, whole_steps: [0, 1, 5, 9, 13, 17] });
  assert.deepEqual(evaluations, { planned: 40, full: 40, saved: 0 });
  assert.deepEqual(compute, { planned: 6 * 2 + 14 * 2 * 0.25, full: 40, saved: 1 - 19 / 40 });
  const deeper = plan({ reuse: { every: 4, from: 2, depth: 2 }, cutoff: { guided_steps: 10 } });
  assert.equal(deeper.compute.planned, 4 * 2 + 6 * 2 * 0.5 + 2 + 8 * 0.5);
  assert.deepEqual(plan({}).compute, { planned: 40, full: 40, saved: 0 });
});

Deno.test("Heun's second calls are as shallow as its first ones", () => {
  const manifest = { ...MANIFEST, samplers: ["heun"] };
  const parsed = parseGenerationRequest({
    ...{ model: "fixture", prompt: "a bird", sampler: "heun", num_inference_steps: 4 },
    reuse: { from: 1, every: 4 },
  });
  assert(parsed.ok);
  const planned = planGeneration({ ...parsed.value, seed: 1 }, { ...planningModel(), manifest });
  assert(planned.ok);
  // Seven calls of two rows: two whole ones in step 0, then 2 + 2 + 1 shallow ones.
  assert.equal(planned.value.compute.planned, 4 + 10 * 0.25);
});

Deno.test("the key holds what is reused, and not the settings that say it", () => {
  const key = (reuse?: Record<string, number>, fields = {}) =>
    plan({ num_inference_steps: 10, ...(reuse ? { reuse } : {}), ...fields }).id;
  assert.equal(key({}), key({ from: 3, every: 3, depth: 1 }));
  // Both compute the whole model in steps 0, 1 and 2.
  const [nine, ten] = [{ every: 9 }, { every: 10 }];
  assert.equal(key(nine), key(ten));
  assert.equal(key({ from: 10 }), key());
  const different = [key(), key({}), key({ every: 2 }), key({ depth: 2 }), key({ from: 4 })];
  assert.equal(new Set(different).size, different.length);
  // A run that may end guidance earlier plans its whole steps anew then.
  assert.notEqual(key(nine, { cutoff: "auto" }), key(ten, { cutoff: "auto" }));
});

Deno.test("what cannot be reused is refused with what can", () => {
  const cases: readonly [Record<string, unknown>, string][] = [
    [{ reuse: { depth: 3 } }, "reuse.depth must be from 1 to 2 for model fixture, given 3"],
    [{ reuse: { every: 21 } }, "reuse.every must be from 2 to the 20 steps, given 21"],
    [{ reuse: { from: 21 } }, "reuse.from must be from 1 to the 20 steps, given 21"],
    [{ reuse: { every: 1 } }, "reuse.every must be an integer from 2 to 200, given 1"],
    [{ reuse: { from: 0 } }, "reuse.from must be an integer from 1 to 200, given 0"],
    [
      { reuse: { steps: 1 } },
      "reuse.steps is not a known field, known are reuse.depth, reuse.from, reuse.every",
    ],
    [{ reuse: true }, "reuse must be an object with optionally depth, from and every, given true"],
    [
      { reuse: {}, insights: ["attention"] },
      'insights must be without attention where reuse leaves layers out, given ["attention"]',
    ],
  ];
  for (const [fields, detail] of cases) assert.equal(refusal(fields), detail);
  assert.equal(
    refusal({ reuse: {} }, { ...MANIFEST, cuts: [] }),
    "reuse must be absent for model fixture, whose graph has no known cut, given {}",
  );
});
