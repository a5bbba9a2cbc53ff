/** One plan's way through the sampler: asks the driver for rows, reports each finished step. */
import {
  createProblem,
  phaseOfStep,
  type Plan,
  ProblemError,
  seesPrompt,
} from "../contract/mod.ts";
import type { ConditioningOfStep } from "./conditioning.ts";
import {
  addPull,
  areFinite,
  classifierFreeGuidance,
  createNoiseSource,
  type DenoiserQuery,
  type Latents,
  SAMPLERS,
} from "./diffusion/mod.ts";
import type { DenoisingJob } from "./driver.ts";
import type { LoadedModel } from "./loaded_model.ts";
import type { DenoiserOutputs } from "./onnx/denoiser.ts";

export interface FinishedStep {
  readonly step: number;
  /** Of the step's first evaluation. */
  readonly timestep: number;
  /** U-Net rows spent up to here. */
  readonly evaluations: number;
  readonly guidanceNormRatio: number | null;
  /** The latents as the model saw them in the step's last evaluation. */
  readonly x: Latents;
  /** The predictions of that evaluation's rows: unconditional first where the step is guided. */
  readonly outputs: readonly Latents[];
  /** Cross-attention of its row that sees the prompt, by layer; null where nothing asks, or none sees it. */
  readonly attention: readonly Latents[] | null;
  /** What the model now takes the final image to be. */
  predictX0(): Latents;
}

export interface Denoising extends DenoisingJob {
  /** U-Net rows spent so far. */
  readonly evaluations: number;
  /** Rows so far that another generation had evaluated already. */
  readonly shared: number;
  /** Milliseconds inside the denoiser so far. */
  readonly milliseconds: number;
  /** @throws Error before the last step is done */
  latents(): Latents;
}

/** @param onStep called after each step, in order */
export function startDenoising(
  plan: Plan,
  { model, conditioning, onStep }: {
    readonly model: LoadedModel;
    readonly conditioning: ConditioningOfStep;
    readonly onStep: (finished: FinishedStep) => void;
  },
): Denoising {
  const isTapped = plan.insights.names.includes("attention");
  const sampling = startSampling(plan, model);
  const guide = createGuidance(plan);
  let state = sampling.next();
  let timestep: number | undefined;
  let evaluations = 0;
  let shared = 0;
  let milliseconds = 0;

  function accept({ value: outputs, milliseconds: spent, fresh, attention }: DenoiserOutputs) {
    if (state.done) throw new Error("The denoiser answered a job that asked for nothing");
    const evaluated = fresh ? fresh.filter((isFresh) => isFresh).length : outputs.length;
    evaluations += evaluated;
    shared += outputs.length - evaluated;
    milliseconds += spent;
    const query = state.value;
    const { output, normRatio } = guide(query.step, outputs);
    if (!areFinite(output)) throw divergence(query);
    timestep ??= query.timestep;
    state = sampling.next(output);
    if (!state.done && state.value.step === query.step) return;
    onStep({
      step: query.step,
      timestep,
      evaluations,
      guidanceNormRatio: normRatio,
      x: query.x,
      outputs,
      attention: attention?.at(-1) ?? null,
      predictX0: () => query.predictX0(output),
    });
    timestep = undefined;
  }

  return {
    denoiser: model.denoiser,
    // Tapped rows run on a graph of their own.
    batchKey: `${plan.model_digest} ${latentShape(plan, model).join("x")} ${isTapped}`,
    nextRows() {
      if (state.done) return [];
      const { x, timestep, step } = state.value;
      const phase = phaseOfStep(plan.phases, step);
      return conditioning(step).map((states, i, { length }) => ({
        x,
        timestep,
        states,
        // The row that sees the prompt is the last.
        tapped: isTapped && seesPrompt(phase) && i === length - 1,
      }));
    },
    accept,
    get evaluations() {
      return evaluations;
    },
    get shared() {
      return shared;
    },
    get milliseconds() {
      return milliseconds;
    },
    latents() {
      if (!state.done) throw new Error("The latents are not ready before the last step");
      return state.value;
    },
  };
}

function startSampling(plan: Plan, model: LoadedModel) {
  const sampler = SAMPLERS.get(plan.sampler);
  if (!sampler) {
    const known = [...SAMPLERS.keys()].join(", ");
    const detail = `sampler must be one of ${known}, given ${plan.sampler}`;
    throw new ProblemError(createProblem("unplannable", detail));
  }
  // As diffusers does with `generator=`: what a sampler adds goes on where the initial noise ended.
  const drawNoise = createNoiseSource(plan.seed, latentShape(plan, model));
  return sampler(drawNoise(), {
    config: model.schedulerConfig,
    num_inference_steps: plan.num_inference_steps,
    drawNoise,
  });
}

/** [channels, height, width] in latents. */
function latentShape({ width, height }: Plan, { manifest: { latents } }: LoadedModel): number[] {
  const { channels, vae_scale_factor } = latents;
  return [channels, height / vae_scale_factor, width / vae_scale_factor];
}

/**
 * Rows to the prediction that the sampler is given. A delta step adds the pull of the last evaluation
 * that had one, in its last guided step; it was taken against the negative prompt where there was one,
 * while the row it is added to is the empty prompt's, as in every text-free step.
 */
function createGuidance({ phases, guidance_scale }: Plan) {
  let pull: Latents | undefined;
  return (step: number, [first, second]: readonly Latents[]) => {
    if (!first) throw new Error("The denoiser gave no output");
    if (second) {
      const guided = classifierFreeGuidance(first, second, guidance_scale);
      pull = guided.pull;
      return guided;
    }
    const { conditioning } = phaseOfStep(phases, step);
    if (conditioning !== "delta") return { output: first, normRatio: null };
    if (!pull) throw new Error("A delta step came before any guided one");
    return { output: addPull(first, pull), normRatio: null };
  };
}

function divergence({ step, timestep }: DenoiserQuery): ProblemError {
  return new ProblemError(
    createProblem(
      "internal",
      `The denoiser's output is not finite in step ${step} (timestep ${timestep}); a lower ` +
        `guidance_scale or an fp32 model may help`,
    ),
  );
}
