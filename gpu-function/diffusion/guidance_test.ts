/// <reference lib="deno.ns" />
import assert from "node:assert/strict";
import { addPull, classifierFreeGuidance } from "./guidance.ts";
import { createLatents } from "./latents.ts";

const uncond = createLatents(Float32Array.of(3, 0, -4, 0, 0, 0), [1, 2, 3]);
const cond = createLatents(Float32Array.of(3, 2, -4, 1, 0, -2), [1, 2, 3]);

Deno.test("classifierFreeGuidance at w = 0 and w = 1 is the one branch and the other", () => {
  assert.deepEqual(classifierFreeGuidance(uncond, cond, 0).output.data, uncond.data);
  assert.deepEqual(classifierFreeGuidance(uncond, cond, 1).output.data, cond.data);
});

Deno.test("classifierFreeGuidance goes w times from uncond towards cond", () => {
  const { output, normRatio } = classifierFreeGuidance(uncond, cond, 7.5);
  assert.deepEqual([...output.data], [3, 15, -4, 7.5, 0, -15]);
  assert.equal(normRatio, 7.5 * 3 / 5);
});

Deno.test("addPull adds to another prediction what guidance added to its own", () => {
  const { output, pull } = classifierFreeGuidance(uncond, cond, 7.5);
  assert.deepEqual(addPull(uncond, pull), output);
  const later = createLatents(Float32Array.of(1, 1, 1, 1, 1, 1), [1, 2, 3]);
  assert.deepEqual([...addPull(later, pull).data], [1, 16, 1, 8.5, 1, -14]);
});

Deno.test("classifierFreeGuidance refuses latents of different shape", () => {
  const turned = createLatents(cond.data, [1, 3, 2]);
  assert.throws(
    () => classifierFreeGuidance(uncond, turned, 2),
    /\[1, 3, 2\] and \[1, 2, 3\] do not match/,
  );
});

Deno.test("createLatents refuses a shape that the values do not fill", () => {
  assert.throws(() => createLatents(new Float32Array(5), [1, 2, 3]), /cannot hold 5 values/);
});
