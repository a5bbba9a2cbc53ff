/// <reference lib="deno.ns" />
import assert from "node:assert/strict";
import { combine, createLatents, type Latents } from "./latents.ts";
import {
  levelOfAlpha,
  levelOfSigma,
  modelView,
  PARAMETERIZATIONS,
  type PredictionType,
} from "./parameterization.ts";

const x0 = createLatents(Float32Array.of(0.5, -1, 2, 0.25, -0.75, 1.5), [1, 2, 3]);
const epsilon = createLatents(Float32Array.of(-0.3, 0.8, 1.1, -2, 0.1, 0.6), [1, 2, 3]);

/** What a perfect model would put out for this image, noise and ᾱ. */
const PERFECT: Readonly<Record<PredictionType, (a: number) => Latents>> = {
  epsilon: () => epsilon,
  sample: () => x0,
  v_prediction: (a) => combine({ a: Math.sqrt(a), b: -Math.sqrt(1 - a) }, epsilon, x0),
  flow: () => combine({ a: 1, b: -1 }, epsilon, x0),
};

function assertClose(actual: Latents, expected: Latents, tolerance: number) {
  for (const [i, value] of expected.data.entries()) {
    assert.ok(Math.abs(actual.data[i]! - value) < tolerance, `[${i}] ${actual.data[i]} ${value}`);
  }
}

for (const type of ["epsilon", "sample", "v_prediction", "flow"] as const) {
  Deno.test(`${type} recovers image and noise from a perfect output`, () => {
    for (const alphaCumprod of [0.01, 0.3, 0.99]) {
      const straight = { signal: alphaCumprod, noise: 1 - alphaCumprod };
      const level = type === "flow" ? straight : levelOfAlpha(alphaCumprod);
      const x = combine({ a: level.signal, b: level.noise }, x0, epsilon);
      const output = PERFECT[type](alphaCumprod);
      const { predictX0, predictEpsilon } = PARAMETERIZATIONS[type];
      // One float32 rounding of x, magnified by at most 1 / sqrt(0.01).
      assertClose(predictX0(output, { x, ...level }), x0, 1e-5);
      assertClose(predictEpsilon(output, { x, ...level }), epsilon, 1e-5);
    }
  });
}

Deno.test("levelOfSigma and levelOfAlpha are the same level by two names", () => {
  for (const alphaCumprod of [0.01, 0.3, 0.99]) {
    const { signal, noise } = levelOfAlpha(alphaCumprod);
    const level = levelOfSigma(noise / signal);
    assert.ok(Math.abs(level.signal - signal) < 1e-15 && Math.abs(level.noise - noise) < 1e-15);
  }
});

Deno.test("modelView scales x0 + σ ε to what the model was trained on", () => {
  const x = combine({ a: 1, b: 3 }, x0, epsilon);
  const point = modelView(x, 3);
  const { signal, noise } = levelOfSigma(3);
  assertClose(point.x, combine({ a: signal, b: noise }, x0, epsilon), 1e-6);
  assert.deepEqual([point.signal, point.noise], [signal, noise]);
});
