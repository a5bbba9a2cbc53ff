/// <reference lib="deno.ns" />
import assert from "node:assert/strict";
import { createLatents } from "../diffusion/mod.ts";
import { measureGuidance } from "./guidance_terms.ts";

const latents = (...data: number[]) => createLatents(Float32Array.from(data), [data.length]);

Deno.test("norms are per dimension, the guidance term with its w", () => {
  const terms = measureGuidance(latents(3, 0, 0, 4), latents(3, 3, 0, 0), 2);
  assert.deepEqual(terms, {
    unconditional_norm: 2.5,
    guidance_norm: 5,
    cosine: 9 / (5 * Math.sqrt(18)),
  });
});

Deno.test("the cosine of equal predictions is 1, of opposite ones -1, of none 0", () => {
  const x = latents(0.1, 0.7, -0.3);
  const cosine = (y: number[]) => measureGuidance(x, latents(...y), 7.5).cosine;
  assert.ok(
    Math.abs(cosine([0.2, 1.4, -0.6]) - 1) < 1e-7 &&
      cosine([0.2, 1.4, -0.6]) <= 1,
  );
  assert.ok(Math.abs(cosine([-0.1, -0.7, 0.3]) + 1) < 1e-7);
  assert.equal(cosine([0, 0, 0]), 0);
});
