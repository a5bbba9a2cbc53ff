import assert from "node:assert/strict";
import { endsGuidance, textChange } from "./auto_cutoff.ts";
import { createLatents, type Latents } from "../diffusion/mod.ts";

const latents = (...values: number[]) =>
  createLatents(Float32Array.from(values), [1, 1, values.length]);

Deno.test("textChange() is the share of the predicted image that guidance makes", () => {
  // As if the model predicted the image itself, and as if it predicted noise at half the scale.
  assert.equal(textChange({ predictX0: (x: Latents) => x }, latents(3, 1), latents(3, 4)), 0.6);
  const predictX0 = ({ data }: Latents) => latents(...data.map((value) => 10 - 2 * value));
  assert.equal(textChange({ predictX0 }, latents(2, 3), latents(2, 1)), 0.4);
});

Deno.test("endsGuidance() waits for the least, stops within the tolerance, leaves the end to the plan", () => {
  const cutoff = {
    guided_from: 5,
    guided_steps: 10,
    guided_fraction: 0.5,
    a: 5,
    head: "null",
    tail: "null",
    auto: { tolerance: 0.5, min_steps: 3 },
  } as const;
  assert.deepEqual(
    [5, 6, 7, 8, 13, 14].map((step) => endsGuidance(cutoff, step, 0.5)),
    [false, false, true, true, true, false],
  );
  assert.equal(endsGuidance(cutoff, 8, 0.51), false);
  assert.equal(endsGuidance({ ...cutoff, auto: null }, 8, 0), false);
});
