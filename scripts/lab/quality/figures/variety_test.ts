/** An inverted ratio would call a model without variety varied. */
import assert from "node:assert/strict";
import { measureVariety } from "./variety.ts";

const set = (values: readonly number[], angles: readonly number[]) => ({
  pixels: values.map((value) => Uint8Array.of(value, value)),
  embeddings: angles.map((angle) => Float32Array.of(Math.cos(angle), Math.sin(angle))),
});

Deno.test("measureVariety() is drawn over real, per prompt and in the mean", () => {
  const real = set([0, 100], [0, Math.PI / 2]);
  const { prompts, pixel_ratio, embedding_ratio } = measureVariety([
    { prompt: "a cup", drawn: set([10, 60], [0, 0]), real },
    { prompt: "a key", drawn: set([0, 25], [0, Math.PI]), real },
  ]);
  assert.deepEqual(prompts.map((p) => p.pixel_ratio), [0.5, 0.25]);
  assert.deepEqual(prompts.map((p) => Number(p.embedding_ratio.toFixed(6))), [0, 2]);
  assert.deepEqual([pixel_ratio.value, pixel_ratio.count], [0.375, 2]);
  assert.ok(pixel_ratio.low >= 0.25 && pixel_ratio.high <= 0.5);
  assert.ok(Math.abs(embedding_ratio.value - 1) < 1e-6);
});
