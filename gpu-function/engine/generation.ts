/** One generation from plan to terminal event: text, denoising, previews, image. */
import {
  type Activity,
  type GenerationEvent,
  type GenerationEventOf,
  imageWithheld,
  type Plan,
  ProblemError,
} from "../../contract/mod.ts";
import { prepareConditioning } from "./conditioning.ts";
import { type Denoising, type FinishedStep, startDenoising } from "./denoising.ts";
import type { Latents } from "../diffusion/mod.ts";
import type { SafetyMode } from "../jobs/engine.ts";
import type { Driver } from "./rows/driver.ts";
import {
  type EncodedImage,
  encodeImage,
  encodePreview,
  sha256Hex,
  toBase64,
} from "../image/image_encoder.ts";
import { projectLatents, type RgbImage, sampleToRgb } from "../image/rgb.ts";
import { createInsightRecorder } from "./insight_recorder.ts";
import type { LoadedModel } from "./loading/loaded_model.ts";

export interface GenerationContext {
  readonly model: LoadedModel;
  readonly driver: Driver<FinishedStep>;
  /** `bitwise` when rows run alone. */
  readonly determinism: "bitwise" | "visual";
  /** What happens to an image that the model's safety checker flags. */
  readonly safety: SafetyMode;
  /** Milliseconds on any steady clock. */
  readonly now: () => number;
  /** Hears of each activity as it begins. */
  readonly report: (activity: Activity) => void;
}

/**
 * Yields the events of `Engine.generate`. A reader that leaves stops the work.
 * @throws ProblemError | Error when the run breaks, and the signal's reason when it aborts in between
 */
export async function* runGeneration(
  plan: Plan,
  { model, driver, determinism, safety, now, report }: GenerationContext,
  signal: AbortSignal,
): AsyncGenerator<GenerationEvent> {
  const start = now();
  report("encoding");
  const conditioning = await prepareConditioning(plan, model);
  const decoding = createDecoding(model);
  const insights = createInsightRecorder(plan);
  const cutoffBefore = createCutoffAnnouncer(plan);
  // A checker is made for finished images, so where they may be withheld nothing is shown before.
  const previewSteps = safety === "refuse" && model.safetyChecker ? [] : plan.previews.steps;
  const denoising = startDenoising(plan, { model, conditioning: conditioning.value });
  report("denoising");
  yield* cutoffBefore(0, false);
  for await (const finished of driver.run(denoising, signal)) {
    yield stepEvent(plan, finished);
    yield* insights.observe(finished);
    if (previewSteps.includes(finished.step)) {
      yield await previewEvent(plan, finished, { model, decoding });
    }
    yield* cutoffBefore(finished.step + 1, finished.endedGuidance);
  }
  report("decoding");
  const image = await decoding.decode(denoising.latents());
  yield* insights.conclude(denoising.latents(), image);
  const verdict = await model.safetyChecker?.check(image) ?? null;
  if (verdict?.flagged && safety === "refuse") throw new ProblemError(imageWithheld());
  const drawn = await imageEvent(image, plan, verdict && { flagged: verdict.flagged });
  // Taken before the image goes out: the reader's time with it is not the run's.
  const timings = {
    total_ms: now() - start,
    inference_ms: conditioning.milliseconds + denoising.milliseconds + decoding.milliseconds() +
      (verdict?.milliseconds ?? 0),
  };
  yield drawn;
  const evaluations = accountFor(plan, denoising);
  yield {
    type: "generation.completed",
    id: plan.id,
    evaluations,
    compute: computeOf(plan, denoising),
    determinism,
    timings,
    cached: false,
  };
}

interface Decoding {
  decode(latents: Latents): Promise<RgbImage>;
  /** Spent inside the VAE so far. */
  milliseconds(): number;
}

function createDecoding({ vaeDecoder }: LoadedModel): Decoding {
  let spent = 0;
  return {
    async decode(latents) {
      const { value, milliseconds } = await vaeDecoder.decode(latents);
      spent += milliseconds;
      return sampleToRgb(value);
    },
    milliseconds: () => spent,
  };
}

function stepEvent(plan: Plan, finished: FinishedStep): GenerationEventOf<"generation.step"> {
  return {
    type: "generation.step",
    step: finished.step,
    num_inference_steps: plan.num_inference_steps,
    timestep: finished.timestep,
    evaluations: finished.evaluations,
    guidance_norm_ratio: finished.guidanceNormRatio,
    ...(finished.shallow ? { shallow: true } : {}),
    ...(finished.textChange === null ? {} : { text_change: finished.textChange }),
  };
}

/** Says once that guidance ends before `step`: where the plan's tail begins, or the run ended it. */
function createCutoffAnnouncer({ cutoff, num_inference_steps }: Plan) {
  let announced = false;
  return (step: number, endedGuidance: boolean): GenerationEventOf<"generation.cutoff">[] => {
    const isPlanned = step === num_inference_steps - cutoff.a && step < num_inference_steps;
    if (announced || !(endedGuidance || isPlanned)) return [];
    announced = true;
    const reason = endedGuidance ? "tolerance" : "bound";
    const { tail, auto } = cutoff;
    return [{ type: "generation.cutoff", step, tail, ...(auto ? { reason } : {}) }];
  };
}

/** An automatic cutoff needs fewer rows than planned, which was the most. */
function accountFor({ evaluations }: Plan, { evaluations: spent, shared }: Denoising) {
  return { ...evaluations, spent, shared, saved: 1 - (spent + shared) / evaluations.full };
}

function computeOf({ compute }: Plan, { compute: { spent, shared } }: Denoising) {
  return { ...compute, spent, shared, saved: 1 - (spent + shared) / compute.full };
}

/** A model without a fitted projection shows its previews through the VAE. */
async function previewEvent(
  { previews, width, height }: Plan,
  { step, predictX0 }: FinishedStep,
  { model, decoding }: { readonly model: LoadedModel; readonly decoding: Decoding },
): Promise<GenerationEventOf<"generation.preview">> {
  const { latent_rgb } = model.manifest;
  const map = previews.method === "projection" ? latent_rgb : null;
  const x0 = predictX0();
  const image = map ? projectLatents(x0, map) : await decoding.decode(x0);
  const method = map ? "projection" : "vae";
  const encoded = await encodePreview(image, { width, height }, previews.format);
  return { type: "generation.preview", step, method, ...bitmap(encoded) };
}

async function imageEvent(
  image: RgbImage,
  { output_format }: Plan,
  safety: { readonly flagged: boolean } | null,
): Promise<GenerationEvent> {
  const encoded = await encodeImage(image, output_format);
  const sha256 = sha256Hex(encoded.bytes);
  return { type: "generation.image", ...bitmap(encoded), sha256, safety };
}

function bitmap({ media_type, width, height, bytes }: EncodedImage) {
  return { media_type, width, height, data: toBase64(bytes) };
}
