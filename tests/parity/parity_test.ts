/** diffusers' own numbers for every family and sampler, through the code that serves. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { type GenerationRequestInput, parseGenerationRequest } from "../../contract/mod.ts";
import { seededNoise } from "../../gpu-function/diffusion/mod.ts";
import { sampleToRgb } from "../../gpu-function/image/rgb.ts";
import type { LoadedModel } from "../../gpu-function/engine/loading/loaded_model.ts";
import type { Engine } from "../../gpu-function/jobs/engine.ts";
import { createEngine } from "../../gpu-function/engine/onnx_engine.ts";
import {
  LATENTS_BOUND,
  PIXEL_MEAN_BOUND,
  pixelDifference,
  PIXELS_OFF_BOUND,
  relativeL2,
  STATES_BOUND,
} from "./difference.ts";
import {
  FAMILIES,
  type GoldenCase,
  type Goldens,
  readGoldens,
  readPixels,
  requestOf,
} from "./goldens.ts";
import { type ObservedRun, observeRuns, planOf, withModel } from "./observed_run.ts";

/** The fixture's folder is a models folder of one package, whose name becomes the id. */
const MODEL = "package";

for (const family of FAMILIES) {
  Deno.test(`${family} agrees with diffusers`, async (t) => {
    const goldens = await readGoldens(family);
    const engine = await createEngine({ modelsDir: goldens.folder, intraOpNumThreads: 1 });
    await withModel(join(goldens.folder, MODEL), async (model) => {
      await t.step("token ids, masks and text states", () => assertTexts(model, goldens));
      for (const golden of goldens.cases) {
        await t.step(golden.name, () => assertCase(golden, { goldens, model, engine }));
      }
    });
    await engine.close();
  });
}

interface Parties {
  readonly goldens: Goldens;
  readonly model: LoadedModel;
  readonly engine: Engine;
}

async function assertCase(golden: GoldenCase, { goldens, model, engine }: Parties) {
  const [run] = await observeRuns(model, [planOf(model, requestOf(golden, MODEL))]);
  assert.ok(run);
  assertSchedule(run, golden);
  assertLatents(run, golden, goldens);
  const decoded = sampleToRgb((await model.vaeDecoder.decode(run.latents)).value);
  const image = await generateImage(engine, requestOf(golden, MODEL));
  assert.deepEqual(image.data, decoded.data, "the engine's image is not that of the latents");
  await assertImage(image, golden, goldens);
}

async function assertTexts({ text: [{ tokenizer, encoder }] }: LoadedModel, goldens: Goldens) {
  for (const { text, ids, mask, states } of goldens.texts) {
    const tokenized = tokenizer.tokenize(text);
    assert.deepEqual(tokenized.ids, ids, text);
    // diffusers' mask covers words and [EOS], so the rest is padding, whatever its ids.
    const kinds = tokenized.tokens.map((token) => token.class);
    assert.deepEqual(kinds.map((kind) => kind === "padding" ? 0 : 1), mask, text);
    const { sequence, pooled } = (await encoder.encode(ids)).value;
    assert.equal(pooled, null);
    if (sequence.mask) assert.deepEqual(sequence.mask, mask, text);
    assert.deepEqual([sequence.positions, sequence.width], states.shape);
    const error = relativeL2(sequence.data, goldens.valuesOf(states));
    assert.ok(error <= STATES_BOUND, `text states of ${JSON.stringify(text)}: ${error}`);
  }
}

function assertSchedule({ calls, steps }: ObservedRun, golden: GoldenCase) {
  assert.equal(steps.length, golden.num_inference_steps);
  assert.equal(calls.length, golden.evaluations.length);
  for (const [i, { timestep, conditioning }] of golden.evaluations.entries()) {
    const rows = calls[i] ?? [];
    assert.equal(rows.length, conditioning === "guided" ? 2 : 1, `rows of evaluation ${i}`);
    for (const row of rows) {
      const error = Math.abs(row.timestep - timestep);
      assert.ok(error <= 1e-6 * timestep, `timestep ${row.timestep}, diffusers has ${timestep}`);
    }
  }
}

/** Compares the latents that the denoiser gets in each call, and those at the end. */
function assertLatents(
  { calls, latents }: ObservedRun,
  golden: GoldenCase,
  goldens: Goldens,
) {
  const { shape } = latents;
  assert.deepEqual(shape, golden.noise.shape);
  const noise = goldens.valuesOf(golden.noise);
  for (const [i, value] of seededNoise(golden.seed, shape).data.entries()) {
    assert.ok(Math.abs(value - noise[i]!) <= 1e-6, `noise ${i}: ${value}, torch has ${noise[i]}`);
  }
  const sigmas = golden.sigmas ? goldens.valuesOf(golden.sigmas) : [];
  const scaled = golden.init_noise_sigma !== 1;
  const after = goldens.valuesOf(golden.latents);
  for (let i = 0; i < calls.length; i++) {
    const known = i === 0
      ? noise.map((value) => value * golden.init_noise_sigma)
      : after.subarray((i - 1) * noise.length, i * noise.length);
    // diffusers' scale_model_input where the scheduler keeps x = x0 + σ ε.
    const scale = scaled ? 1 / Math.sqrt((sigmas[i] ?? NaN) ** 2 + 1) : 1;
    const error = relativeL2(calls[i]?.[0]?.x.data ?? noise, known.map((x) => x * scale));
    assert.ok(error <= LATENTS_BOUND, `x of evaluation ${i}: ${error}`);
  }
  const error = relativeL2(latents.data, after.subarray(-noise.length));
  assert.ok(error <= LATENTS_BOUND, `final latents: ${error}`);
}

async function generateImage(engine: Engine, input: GenerationRequestInput) {
  const request = parseGenerationRequest(input);
  assert.ok(request.ok);
  const plan = engine.plan(request.value);
  assert.ok(plan.ok);
  const events = await Array.fromAsync(engine.generate(plan.value, new AbortController().signal));
  const image = events.find((event) => event.type === "generation.image");
  assert.ok(image?.type === "generation.image");
  assert.equal(events.at(-1)?.type, "generation.completed");
  return await readPixels(Uint8Array.fromBase64(image.data));
}

async function assertImage(
  { data, width, height }: Awaited<ReturnType<typeof readPixels>>,
  golden: GoldenCase,
  { folder }: Goldens,
) {
  const theirs = await readPixels(join(folder, golden.image));
  assert.deepEqual([width, height], [golden.width, golden.height]);
  assert.deepEqual([theirs.width, theirs.height], [golden.width, golden.height]);
  const { mean, off } = pixelDifference(data, theirs.data);
  assert.ok(mean <= PIXEL_MEAN_BOUND, `pixels are ${mean} of 255 off on average`);
  assert.ok(off <= PIXELS_OFF_BOUND, `${100 * off} % of pixels are more than 2 of 255 off`);
}
