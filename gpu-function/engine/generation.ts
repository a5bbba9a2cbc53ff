/** One generation from plan to terminal event: text, denoising, previews, image. */
import {
  type GenerationEvent,
  type GenerationEventOf,
  imageWithheld,
  type Plan,
  ProblemError,
} from "../../contract/mod.ts";
import { prepareConditioning } from "./conditioning.ts";
import { type Denoising, type FinishedStep, startDenoising } from "./denoising.ts";
import type { Latents } from "../diffusion/mod.ts";
import type { Driver } from "./rows/driver.ts";
import { createEventChannel, type EventChannel } from "./event_channel.ts";
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
import type { SafetyMode } from "../onnx/safety_checker.ts";

export interface GenerationContext {
  readonly model: LoadedModel;
  readonly driver: Driver;
  /** `bitwise` when rows run alone. */
  readonly determinism: "bitwise" | "visual";
  /** What happens to an image that the model's safety checker flags. */
  readonly safety: SafetyMode;
  /** Milliseconds on any steady clock. */
  readonly now: () => number;
}

type Channel = EventChannel<GenerationEvent>;

/**
 * Yields the events of `Engine.generate`. Ends without a terminal event when the signal aborts, and
 * stops the work when the reader leaves. @throws ProblemError | Error when the run breaks
 */
export async function* runGeneration(
  plan: Plan,
  context: GenerationContext,
  signal: AbortSignal,
): AsyncGenerator<GenerationEvent> {
  const left = new AbortController();
  const stopped = AbortSignal.any([signal, left.signal]);
  const channel: Channel = createEventChannel();
  const run = perform(plan, context, { channel, signal: stopped }).then(
    () => channel.end(),
    (error) => stopped.aborted ? channel.end() : channel.fail(error),
  );
  try {
    for await (const event of channel) {
      if (signal.aborted) return;
      yield event;
    }
  } finally {
    left.abort();
    await run;
  }
}

async function perform(
  plan: Plan,
  { model, driver, determinism, safety, now }: GenerationContext,
  { channel, signal }: { readonly channel: Channel; readonly signal: AbortSignal },
): Promise<void> {
  const start = now();
  const conditioning = await prepareConditioning(plan, model);
  const decoding = createDecoding(model);
  const insights = createInsightRecorder(plan);
  // A checker is made for finished images, so where they may be withheld nothing is shown before.
  const previewSteps = safety === "refuse" && model.safetyChecker ? [] : plan.previews.steps;
  const draw = (x0: Latents) => drawPreview(plan, x0, { model, decoding });
  const announceCutoff = createCutoffAnnouncer(plan, channel);
  announceCutoff(0, false);
  const denoising = startDenoising(plan, {
    model,
    conditioning: conditioning.value,
    onStep: (finished) => {
      channel.send(stepEvent(plan, finished));
      for (const event of insights.observe(finished)) channel.send(event);
      if (previewSteps.includes(finished.step)) {
        channel.send(previewEvent(finished.step, draw(finished.predictX0())));
      }
      announceCutoff(finished.step + 1, finished.endedGuidance);
    },
  });
  await driver.run(denoising, signal);
  const image = await decoding.decode(denoising.latents());
  for (const event of insights.conclude(denoising.latents(), image)) channel.send(event);
  const verdict = await model.safetyChecker?.check(image) ?? null;
  if (verdict?.flagged && safety === "refuse") throw new ProblemError(imageWithheld());
  channel.send(await imageEvent(image, plan, verdict && { flagged: verdict.flagged }));
  signal.throwIfAborted();
  channel.send({
    type: "generation.completed",
    id: plan.id,
    evaluations: accountFor(plan, denoising),
    determinism,
    timings: {
      total_ms: now() - start,
      inference_ms: conditioning.milliseconds + denoising.milliseconds + decoding.milliseconds() +
        (verdict?.milliseconds ?? 0),
    },
    cached: false,
  });
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
    ...(finished.textChange === null ? {} : { text_change: finished.textChange }),
  };
}

/** Says once that guidance ends before `step`: where the plan's tail begins, or the run ended it. */
function createCutoffAnnouncer({ cutoff, num_inference_steps }: Plan, channel: Channel) {
  let announced = false;
  return (step: number, endedGuidance: boolean) => {
    const isPlanned = step === num_inference_steps - cutoff.a && step < num_inference_steps;
    if (announced || !(endedGuidance || isPlanned)) return;
    announced = true;
    const reason = endedGuidance ? "tolerance" : "bound";
    const { tail, auto } = cutoff;
    channel.send({ type: "generation.cutoff", step, tail, ...(auto ? { reason } : {}) });
  };
}

/** An automatic cutoff needs fewer rows than planned, which was the most. */
function accountFor({ evaluations }: Plan, { evaluations: spent, shared }: Denoising) {
  return { ...evaluations, spent, shared, saved: 1 - (spent + shared) / evaluations.full };
}

type PreviewMethod = Plan["previews"]["method"];

interface Preview {
  readonly method: PreviewMethod;
  readonly encoded: EncodedImage;
}

/** A model without a fitted projection shows its previews through the VAE. */
async function drawPreview(
  { previews, width, height }: Plan,
  x0: Latents,
  { model, decoding }: { readonly model: LoadedModel; readonly decoding: Decoding },
): Promise<Preview> {
  const { latent_rgb } = model.manifest;
  const map = previews.method === "projection" ? latent_rgb : null;
  const image = map ? projectLatents(x0, map) : await decoding.decode(x0);
  const encoded = await encodePreview(image, { width, height });
  return { method: map ? "projection" : "vae", encoded };
}

async function previewEvent(step: number, preview: Promise<Preview>): Promise<GenerationEvent> {
  const { method, encoded } = await preview;
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
