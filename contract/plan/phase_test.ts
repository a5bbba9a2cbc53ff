/// <reference lib="deno.ns" />
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  countEvaluations,
  endGuidance,
  HEADS,
  phaseOfStep,
  type PhaseOptions,
  planPhases,
  TAILS,
} from "../mod.ts";

const OPTIONS: PhaseOptions = {
  num_inference_steps: 50,
  guidance_scale: 7.5,
  guided_from: 0,
  guided_steps: 50,
  head: "null",
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

Deno.test("planPhases() has a head before the guidance interval and a tail behind it", () => {
  const interval = { guided_from: 10, guided_steps: 25, eos_swap: { from: 5, to: 20 } };
  assert.deepEqual(shape({ ...interval, tail: "cond" }), [
    "0-10 null x1",
    "10-20 guided swapped x2",
    "20-35 guided x2",
    "35-50 cond x1",
  ]);
  assert.deepEqual(shape({ ...interval, head: "cond" }), [
    "0-5 cond x1",
    "5-10 cond swapped x1",
    "10-20 guided swapped x2",
    "20-35 guided x2",
    "35-50 null x1",
  ]);
});

Deno.test("planPhases() swaps nothing in the delta tail: its row sees no prompt", () => {
  assert.deepEqual(shape({ guided_steps: 25, tail: "delta", eos_swap: { from: 10, to: 40 } }), [
    "0-10 guided x2",
    "10-25 guided swapped x2",
    "25-50 delta x1",
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

Deno.test("countEvaluations() spends one row a step before the interval and behind it", () => {
  for (const tail of ["null", "cond", "delta"] as const) {
    const options = { ...OPTIONS, guided_from: 5, guided_steps: 20, tail };
    assert.deepEqual(countEvaluations(planPhases(options), { ...options, sampler: "ddim" }), {
      planned: 5 + 40 + 25,
      full: 100,
      saved: 1 - 70 / 100,
    });
    // Heun calls the model once in the last step, and twice in all others.
    const heun = { ...options, sampler: "heun" };
    assert.equal(countEvaluations(planPhases(options), heun).planned, 10 + 80 + 49);
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

const window = (steps: number) =>
  fc.tuple(fc.nat(steps), fc.nat(steps)).map(([x, y]) => ({
    from: Math.min(x, y),
    to: Math.max(x, y),
  }));

Deno.test("planPhases() covers every step exactly once, whatever the options", () => {
  const options = fc.integer({ min: 1, max: 200 }).chain((steps) =>
    fc.record({
      num_inference_steps: fc.constant(steps),
      guidance_scale: fc.constantFrom(1, 5),
      guided: window(steps),
      head: fc.constantFrom(...HEADS),
      tail: fc.constantFrom(...TAILS),
      eos_swap: fc.option(window(steps)),
    })
  ).map(({ guided: { from, to }, ...rest }) => ({
    ...rest,
    guided_from: from,
    guided_steps: to - from,
  }));
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
      const isGuided = s >= value.guided_from && s < value.guided_from + value.guided_steps;
      const guidance = value.guidance_scale === 1 ? "cond" : "guided";
      const outside = s < value.guided_from ? value.head : value.tail;
      assert.equal(phase.conditioning, isGuided ? guidance : outside);
      assert.equal(phase.rows, phase.conditioning === "guided" ? 2 : 1);
      const inWindow = value.eos_swap !== null && s >= value.eos_swap.from && s < value.eos_swap.to;
      const isTextual = phase.conditioning === "guided" || phase.conditioning === "cond";
      assert.equal(phase.eos_swapped, inWindow && isTextual);
    }
  }));
});

Deno.test("guidance that ends early leaves the phases of a plan that ends there", () => {
  const options = fc.record({
    steps: fc.integer({ min: 1, max: 60 }),
    borders: fc.array(fc.nat(60), { minLength: 5, maxLength: 5 }),
    tail: fc.constantFrom(...TAILS),
    swapped: fc.boolean(),
  });
  fc.assert(fc.property(options, ({ steps, borders, tail, swapped }) => {
    const [guided_from = 0, step = 0, end = 0, ...window] = borders.map((b) => Math.min(b, steps))
      .sort((x, y) => x - y);
    const [from = 0, to = 0] = window;
    const planned = (until: number) =>
      planPhases({
        num_inference_steps: steps,
        guidance_scale: 7.5,
        guided_from,
        guided_steps: until - guided_from,
        head: "null",
        tail,
        eos_swap: swapped ? { from: Math.min(from, step), to } : null,
      });
    assert.deepEqual(endGuidance(planned(end), step, tail), planned(step));
  }));
});

Deno.test("phaseOfStep() refuses a step outside the run", () => {
  assert.throws(() => phaseOfStep(planPhases(OPTIONS), 50), RangeError);
});
