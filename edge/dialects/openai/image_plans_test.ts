// If this breaks, a streamed image has too many previews, too few, or all of them at one end.
import assert from "node:assert/strict";
import { LIMITS, parseGenerationRequest, planGeneration, refuse } from "../../../contract/mod.ts";
import { planningModel } from "../../../contract/fixtures/planning_model.ts";
import { type PlanImage, planImages, spreadPreviews } from "./image_plans.ts";
import { type ImageRequest, parseImageRequest } from "./image_request.ts";

const model = planningModel();

const plan: PlanImage = (input) => {
  const parsed = parseGenerationRequest(input);
  if (!parsed.ok) return Promise.resolve(parsed);
  const request = { ...parsed.value, seed: parsed.value.seed ?? 7 };
  const planned = planGeneration(request, model);
  return Promise.resolve(
    planned.ok ? { ok: true, value: { request, plan: planned.value } } : refuse(planned.problem),
  );
};

function read(body: object): ImageRequest {
  const parsed = parseImageRequest({ model: "fixture", prompt: "a blue bird", ...body });
  assert(parsed.ok);
  return parsed.value;
}

async function planned(body: object) {
  const images = await planImages(read(body), plan);
  assert(images.ok);
  return images.value.map(({ plan }) => plan);
}

Deno.test("a run gives as many partial images as asked for, at even distances, whatever its length", async () => {
  for (const count of [1, 2, 3]) {
    for (const steps of [1, 2, 3, 4, 5, 7, 10, 20, 50, 200]) {
      const [run] = await planned({
        stream: true,
        partial_images: count,
        num_inference_steps: steps,
      });
      assert(run);
      const shown = run.previews.steps.filter(spreadPreviews(steps, count));
      assert.equal(shown.length, Math.min(count, steps - 1), `${count} of ${steps}`);
      for (const [i, step] of shown.entries()) {
        if (steps <= count) continue;
        const due = ((i + 1) * steps) / (count + 1);
        const behind = step + 1 - due;
        assert(behind >= 0 && behind < Math.min(5, steps / (count + 1)), `${step} of ${steps}`);
      }
    }
  }
});

Deno.test("a run with few previews, as others asked for it, shows those that it has once", () => {
  assert.deepEqual([49, 149].filter(spreadPreviews(200, 3)), [49, 149]);
  assert.deepEqual([149, 150, 151].filter(spreadPreviews(200, 3)), [149]);
  assert.deepEqual([0, 1, 2].filter(spreadPreviews(200, 3)), []);
  assert.deepEqual([4, 9, 14].filter(spreadPreviews(20, 0)), []);
});

Deno.test("without partial images a run has the previews that it always has", async () => {
  const [usual] = await planned({});
  assert.deepEqual(usual?.previews.steps, [4, 9, 14]);
});

Deno.test("partial images are in the format that was asked for, and no other previews", async () => {
  const formatOf = async (body: object) => (await planned(body))[0]?.previews.format;
  const partials = { stream: true, partial_images: 2 };
  assert.equal(await formatOf(partials), "png");
  assert.equal(await formatOf({ ...partials, output_format: null }), "png");
  assert.equal(await formatOf({ ...partials, output_format: "png" }), "png");
  assert.equal(await formatOf({ ...partials, output_format: "webp" }), "webp");
  assert.equal(await formatOf({ ...partials, partial_images: 0 }), undefined);
  assert.equal(await formatOf({ stream: true }), undefined);
  assert.equal(await formatOf({}), undefined);
});

Deno.test("seeds of several images count up from the first, and around", async () => {
  const seedsOf = async (body: object) => (await planned(body)).map(({ seed }) => seed);
  assert.deepEqual(await seedsOf({ n: 3 }), [7, 8, 9]);
  assert.deepEqual(await seedsOf({ n: 2, seed: LIMITS.seedMax }), [LIMITS.seedMax, 0]);
});

Deno.test("a side that the model cannot draw is told of the size", async () => {
  const refused = await planImages(read({ size: "33x48" }), plan);
  assert(!refused.ok);
  assert.deepEqual(refused.problem.errors?.map(({ field }) => field), ["size"]);
});
