import assert from "node:assert/strict";
import { createLatents } from "../diffusion/mod.ts";
import { luminanceOf, projectLatents, sampleToRgb } from "./rgb.ts";

Deno.test("sampleToRgb interleaves channels, maps [-1, 1] to bytes and cuts what lies beyond", () => {
  const sample = createLatents(Float32Array.of(-1, 1, 0, 0.5, -3, 9), [3, 1, 2]);
  assert.deepEqual(sampleToRgb(sample), {
    width: 2,
    height: 1,
    data: Uint8Array.of(0, 128, 0, 255, 191, 255),
  });
});

Deno.test("sampleToRgb refuses what has not three channels", () => {
  const four = createLatents(new Float32Array(8), [4, 1, 2]);
  assert.throws(() => sampleToRgb(four), /must be \[3, height, width\], given \[4, 1, 2\]/);
});

Deno.test("projectLatents applies matrix and bias at each latent, width before height", () => {
  const latents = createLatents(Float32Array.of(1, 2, 3, 10, 20, 30), [2, 3, 1]);
  const map = { matrix: [[0.1, 0, 0], [0, 0.01, 0]], bias: [0, 0, -1] } as const;
  const { width, height, data } = projectLatents(latents, map);
  assert.deepEqual([width, height], [1, 3]);
  assert.deepEqual([...data], [140, 140, 0, 153, 153, 0, 166, 166, 0]);
});

Deno.test("projectLatents refuses a map made for other latents", () => {
  const latents = createLatents(new Float32Array(6), [2, 3, 1]);
  assert.throws(
    () => projectLatents(latents, { matrix: [[1, 1, 1]], bias: [0, 0, 0] }),
    /latent_rgb has 1 rows for 2 latent channels/,
  );
});

Deno.test("luminanceOf weighs green most and blue least, white being 1", () => {
  const data = Uint8Array.of(255, 255, 255, 255, 0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 51, 51, 51);
  const { width, height, data: luminance } = luminanceOf({ width: 3, height: 2, data });
  assert.deepEqual([width, height], [3, 2]);
  assert.deepEqual([...luminance], [1, 0.299, 0.587, 0.114, 0, 0.2].map(Math.fround));
});
