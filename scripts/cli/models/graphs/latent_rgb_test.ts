// The fit finds the map that a linear decoder has, and says how much of another it explains.
import assert from "node:assert/strict";
import { createLatents, type Latents } from "../../../../gpu-function/diffusion/mod.ts";
import { fitLatentRgb, smoothLatents } from "./latent_rgb.ts";

const SHAPE = [2, 6, 8] as const;
const SCALE = 4;
const MAP = [[0.1, -0.2, 0.05], [0.02, 0.1, -0.15], [0.2, -0.1, 0]] as const;

/** Decodes each latent to a square of its colour; `bend` takes it off the straight line. */
function decodeWith(bend: (value: number) => number) {
  return ({ data, shape: [, height = 0, width = 0] }: Latents) => {
    const sides = [3, height * SCALE, width * SCALE];
    const sample = new Float32Array(3 * height * width * SCALE ** 2);
    for (let i = 0; i < sample.length; i++) {
      const c = Math.floor(i / (height * width * SCALE ** 2));
      const y = Math.floor(i / (width * SCALE)) % (height * SCALE);
      const latent = Math.floor(y / SCALE) * width + Math.floor(i % (width * SCALE) / SCALE);
      const value = data[latent]! * MAP[0][c]! + data[height * width + latent]! * MAP[1][c]!;
      sample[i] = bend(value + MAP[2][c]!);
    }
    return Promise.resolve(createLatents(sample, sides));
  };
}

Deno.test("a linear decoder's map is found", async () => {
  const { map: { matrix, bias }, r2 } = await fitLatentRgb(decodeWith((x) => x), SHAPE);
  for (const [i, row] of [...matrix, bias].entries()) {
    for (const [c, weight] of row.entries()) assert.ok(Math.abs(weight - MAP[i]![c]!) < 1e-4);
  }
  assert.ok(r2 > 0.9999 && r2 <= 1, `R2 ${r2}`);
});

Deno.test("what no straight line explains lowers R2", async () => {
  const { r2 } = await fitLatentRgb(decodeWith((x) => Math.sin(40 * x)), SHAPE);
  assert.ok(r2 < 0.5, `R2 ${r2}`);
});

Deno.test("a decoder that gives no numbers is refused", () =>
  assert.rejects(fitLatentRgb(decodeWith(() => NaN), SHAPE), /values that are no numbers/));

Deno.test("random latents are smooth and about as large as the denoiser's", () => {
  const draws = Array.from({ length: 40 }, (_, seed) => smoothLatents(seed, SHAPE).data);
  const values = draws.flatMap((data) => [...data]);
  const variance = values.reduce((sum, x) => sum + x * x, 0) / values.length;
  assert.ok(variance > 0.5 && variance < 1.5, `variance ${variance}`);
  const steps = draws.flatMap((data) =>
    Array.from({ length: 7 }, (_, x) => data[x + 1]! - data[x]!)
  );
  const roughness = steps.reduce((sum, x) => sum + x * x, 0) / steps.length;
  assert.ok(roughness < 0.2 * variance, `roughness ${roughness}`);
});
