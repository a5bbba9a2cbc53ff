/** A number for the wrong condition, or against the wrong image, would be a false result. */
import assert from "node:assert/strict";
import type { RgbImage } from "../../../gpu-function/image/rgb.ts";
import { measureGrid } from "./drawn_grid.ts";
import type { Drawing, GenerationCache } from "../drawings/generation_cache.ts";

const image = (...data: readonly number[]): RgbImage => ({
  width: 1,
  height: 1,
  data: Uint8Array.from(data),
});

/** Draws one pixel: [length of the prompt, seed, steps]. */
const cache: GenerationCache = {
  holds: () => false,
  image: ({ prompt, seed, num_inference_steps = 0 }: Drawing) =>
    Promise.resolve(image(prompt.length, seed, num_inference_steps)),
};

const condition = (label: string, steps: number) => ({
  label,
  drawing: (prompt: string, seed: number): Drawing => ({
    prompt,
    seed,
    num_inference_steps: steps,
  }),
});

const metric = (name: string, of: (drawn: Uint8Array, reference: Uint8Array) => number) => ({
  name,
  measure: (shown: readonly { image: RgbImage; reference: RgbImage }[]) =>
    Promise.resolve(shown.map(({ image, reference }) => of(image.data, reference.data))),
});

Deno.test("measureGrid() gives a subject the mean over its seeds, for each metric and condition", async () => {
  const grid = await measureGrid(cache, {
    subjects: ["a", "bbb"],
    seeds: 3,
    conditions: [condition("few", 4), condition("many", 10)],
    metrics: [
      metric("length", ([length = 0]) => length),
      metric("seed", ([, seed = 0]) => seed),
      metric("more steps", ([, , steps = 0], [, , own = 0]) => steps - own),
      metric("same seed", ([, seed], [, own]) => Number(seed === own)),
      metric("without seed 0", ([, seed = 0]) => seed === 0 ? NaN : seed),
      metric("of short ones", ([length = 0]) => length > 2 ? NaN : length),
    ],
    kept: 1,
  });
  assert.deepEqual(grid.values("length", "few"), [1, 3]);
  assert.deepEqual(grid.values("seed", "many"), [1, 1]);
  assert.deepEqual(grid.values("more steps", "few"), [0, 0]);
  assert.deepEqual(grid.values("more steps", "many"), [6, 6]);
  assert.deepEqual(grid.values("same seed", "many"), [1, 1]);
  assert.deepEqual(grid.values("without seed 0", "few"), [1.5, 1.5]);
  const { value, count } = grid.mean("of short ones", "few");
  assert.deepEqual([value, count], [1, 1]);
  assert.equal(grid.difference("more steps", "many", "few").value, 6);
  assert.equal(grid.between(["length", "many"], ["seed", "few"]).value, 1);
  assert.deepEqual(
    grid.kept.map(({ subject, seed, condition }) => `${subject} ${seed} ${condition}`),
    ["a 0 few", "a 0 many"],
  );
  assert.throws(() => grid.values("length", "none"), /length was not measured under none/);
});
