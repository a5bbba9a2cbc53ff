/** Scorers that get another range or order of pixels than in training answer nonsense. */
import assert from "node:assert/strict";
import { boxDownsample, toPixels } from "./pixels.ts";

Deno.test("toPixels() is channels first, from -1 to 1", () => {
  const image = { width: 3, height: 1, data: Uint8Array.of(0, 255, 51, 255, 0, 51, 0, 0, 102) };
  const expected = Float32Array.of(-1, 1, -1, 1, -1, -1, -0.6, -0.6, -0.2);
  assert.deepEqual([...toPixels(image)], [...expected]);
});

Deno.test("boxDownsample() is the mean of each box, width differing from height", () => {
  // Each of two rows has two boxes of 2x1 pixels.
  const grey = [10, 20, 30, 41, 0, 0, 255, 255];
  const image = {
    width: 4,
    height: 2,
    data: Uint8Array.from(grey.flatMap((value) => [value, value, 7])),
  };
  const { width, height, data } = boxDownsample(image, 2);
  assert.deepEqual([width, height], [2, 2]);
  assert.deepEqual([...data], [15, 15, 7, 36, 36, 7, 0, 0, 7, 255, 255, 7]);
  assert.throws(() => boxDownsample(image, 3), /4x2 has no 3x3 equal boxes/);
});
