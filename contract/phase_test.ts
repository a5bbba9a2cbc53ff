/// <reference lib="deno.ns" />
import assert from "node:assert/strict";
import fc from "fast-check";
import { countEvaluations, phaseOfStep, type PhaseOptions, planPhases } from "./mod.ts";

const OPTIONS: PhaseOptions = {
  num_inference_steps: 50,
  guidance_scale: 7.5,
  guided_steps: 50,
  tail: "null",
  eos_swap: null,
};

const shape = (options: Partial<PhaseOptions>) =>
  planPhases({ ...OPTIONS, ...options }).map(({ from, to, conditioning, eos_swapped, rows }) =>
    `${from}-${to} ${conditioning}${eos_swapped ? " swapped" : ""} x${rows}`
  );

Deno.test("planPhases() is one phase without a cutoff", () => {
  assert.deepEqual(shape({}), ["0-50 guided x2"]);
});

Deno.test("planPhases() drops the text in the null tail, the swap window with it", () => {
  assert.deepEqual(shape({ guided_steps: 25, eos_swap: { from: 10, to: 40 } }), [
    "0-10 guided x2",
    "10-25 guided swapped x2",
    "25-50 null x1",
  ]);
});

Deno.test("planPhases() keeps swapping in the cond tail", () => {
  assert.deepEqual(shape({ guided_steps: 25, tail: "cond", eos_swap: { from: 10, to: 40 } }), [
    "0-10 guided x2",
    "10-25 guided swapped x2",
    "25-40 cond swapped x1",
    "40-50 cond x1",
  ]);
});

Deno.test("planPhases() needs one row where guidance is the conditional prediction itself", () => {
  assert.deepEqual(shape({ guidance_scale: 1 }), ["0-50 cond x1"]);
  assert.deepEqual(shape({ guidance_scale: 1, guided_steps: 20 }), [
    "0-20 cond x1",
    "20-50 null x1",
  ]);
});

Deno.test("planPhases() has no phase for an empty window or an empty guided part", () => {
  assert.deepEqual(shape({ eos_swap: { from: 20, to: 20 } }), ["0-50 guided x2"]);
  assert.deepEqual(shape({ guided_steps: 0 }), ["0-50 null x1"]);
});

Deno.test("countEvaluations() is the paper's 2T - a", () => {
  for (const a of [0, 5, 10, 15, 20, 25, 50]) {
    const options = { ...OPTIONS, guided_steps: 50 - a };
    assert.deepEqual(countEvaluations(planPhases(options), { ...options, sampler: "ddim" }), {
      planned: 100 - a,
      full: 100,
      saved: 1 - (100 - a) / 100,
    });
  }
});

// [sampler, steps, guided steps, planned, full]
const TWICE = [
  ["heun", 10, 10, 38, 38],
  ["heun", 10, 4, 8 + 8 + 11, 38],
  ["heun", 1, 1, 2, 2],
  ["pndm", 10, 10, 22, 22],
  ["pndm", 10, 0, 11, 22],
  ["pndm", 1, 1, 2, 2],
] as const;

for (const [sampler, num_inference_steps, guided_steps, planned, full] of TWICE) {
  Deno.test(`countEvaluations() of ${num_inference_steps} ${sampler} steps, ${guided_steps} guided, counts each call`, () => {
    const options = { ...OPTIONS, num_inference_steps, guided_steps };
    const counted = countEvaluations(planPhases(options), { ...options, sampler });
    assert.deepEqual(counted, { planned, full, saved: 1 - planned / full });
  });
}

Deno.test("planPhases() covers every step exactly once, whatever the options", () => {
  const options = fc.integer({ min: 1, max: 200 }).chain((steps) =>
    fc.record({
      num_inference_steps: fc.constant(steps),
      guidance_scale: fc.constantFrom(1, 5),
      guided_steps: fc.integer({ min: 0, max: steps }),
      tail: fc.constantFrom("null" as const, "cond" as const),
      eos_swap: fc.option(
        fc.tuple(fc.nat(steps), fc.nat(steps)).map(([x, y]) => ({
          from: Math.min(x, y),
          to: Math.max(x, y),
        })),
      ),
    })
  );
  fc.assert(fc.property(options, (value) => {
    const phases = planPhases(value);
    let step = 0;
    for (const { from, to } of phases) {
      assert.equal(from, step);
      assert(to > from);
      step = to;
    }
    assert.equal(step, value.num_inference_steps);
    for (let s = 0; s < step; s++) {
      const phase = phaseOfStep(phases, s);
      assert.equal(
        phase.conditioning === value.tail && phase.rows === 1 || s < value.guided_steps,
        true,
      );
      const inWindow = value.eos_swap !== null && s >= value.eos_swap.from && s < value.eos_swap.to;
      assert.equal(phase.eos_swapped, inWindow && phase.conditioning !== "null");
    }
  }));
});

Deno.test("phaseOfStep() refuses a step outside the run", () => {
  assert.throws(() => phaseOfStep(planPhases(OPTIONS), 50), RangeError);
});
