/** A cache that draws again wastes an hour; one that mixes up its images measures nonsense. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import sharp from "sharp";
import { type GenerationRequest, type Plan, refuse } from "../../../contract/mod.ts";
import { createProblem } from "../../../contract/mod.ts";
import type { Engine } from "../../../gpu-function/jobs/engine.ts";
import { openGenerationCache } from "./generation_cache.ts";

/** Draws a pixel whose red is the seed; `drawn` lists the prompts that were drawn. */
function fakeEngine(drawn: string[]): Engine {
  const planOf = ({ prompt, seed }: GenerationRequest) =>
    ({ id: `${prompt.replaceAll(" ", "_")}.${seed}`, prompt, seed }) as unknown as Plan;
  return {
    models: [],
    unavailable: [],
    determinismClass: "test",
    plan: (request) =>
      request.prompt === "refused"
        ? refuse(createProblem("invalid_request", "prompt is refused"))
        : { ok: true, value: planOf(request) },
    async *generate(plan) {
      drawn.push(plan.prompt);
      const raw = { width: 1, height: 1, channels: 3 } as const;
      const png = await sharp(Uint8Array.of(plan.seed, 0, 9), { raw }).png().toBuffer();
      yield {
        type: "generation.image",
        media_type: "image/png",
        width: 1,
        height: 1,
        data: Buffer.from(png).toString("base64"),
        sha256: "",
      };
    },
    counters: { unetRows: 0, unetRuns: 0, inferenceMs: 0 },
    close: () => Promise.resolve(),
  };
}

Deno.test("images are drawn once, and found again by a later command", async () => {
  const folder = `${await Deno.makeTempDir()}/generations`;
  const drawn: string[] = [];
  const drawing = { prompt: "a blue bird", seed: 3 };
  const cache = await openGenerationCache(fakeEngine(drawn), folder);
  assert.equal(cache.holds(drawing), false);
  const image = await cache.image(drawing);
  assert.deepEqual([...image.data], [3, 0, 9]);
  assert.equal(cache.holds(drawing), true);
  assert.equal(cache.holds({ ...drawing, seed: 4 }), false);
  const later = await openGenerationCache(fakeEngine(drawn), folder);
  assert.deepEqual(await later.image(drawing), image);
  assert.deepEqual(drawn, ["a blue bird"]);
  assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["a_blue_bird.3.png"]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a request that the model refuses is a problem, not a missing image", async () => {
  const folder = await Deno.makeTempDir();
  const cache = await openGenerationCache(fakeEngine([]), folder);
  assert.throws(() => cache.holds({ prompt: "refused", seed: 0 }), { name: "ProblemError" });
  await Deno.remove(folder, { recursive: true });
});
