/** One plan's way through the sampler: rows for the driver, and the steps that their outputs finish. */
import {
  createProblem,
  endGuidance,
  type Phase,
  phaseOfStep,
  type Plan,
  ProblemError,
  roundCompute,
  seesPrompt,
  shallowCompute,
  textsOf,
  wholeSteps,
} from "../../contract/mod.ts";
import { endsGuidance, textChange } from "./auto_cutoff.ts";
import type { ConditioningOfPhase } from "./conditioning.ts";
import {
  addPull,
  areFinite,
  classifierFreeGuidance,
  createNoiseSource,
  type DenoiserQuery,
  type Latents,
  sampleFromNoise,
  SAMPLERS,
} from "../diffusion/mod.ts";
import { evaluatedIn, type RowSource } from "./rows/driver.ts";
import type { LoadedModel } from "./loading/loaded_model.ts";
import type { Denoiser } from "../onnx/denoiser/denoiser.ts";
import type { DenoiserOutputs, DenoiserRow } from "../onnx/denoiser/denoiser_row.ts";

export interface FinishedStep {
  readonly step: number;
  /** The timestep of the step's first call. */
  readonly timestep: number;
  /** U-Net rows spent up to here. */
  readonly evaluations: number;
  /** It reused deep features. */
  readonly shallow: boolean;
  readonly guidanceNormRatio: number | null;
  /** What the text changes in the predicted image; null without guidance, and where nothing asks. */
  readonly textChange: number | null;
  /** This step ended the guidance before the plan would have. */
  readonly endedGuidance: boolean;
  /** The latents as the model saw them in the step's last call. */
  readonly x: Latents;
  /** The predictions of that call's rows: unconditional first where the step is guided. */
  readonly outputs: readonly Latents[];
  /** Cross-attention of its row that sees the prompt, by layer; null where nothing asks, or none sees it. */
  readonly attention: readonly Latents[] | null;
  /** What the model now takes the final image to be. */
  predictX0(): Latents;
}

export interface Denoising extends RowSource<FinishedStep> {
  /** U-Net rows spent so far. */
  readonly evaluations: number;
  /** Rows so far that another generation had evaluated already. */
  readonly shared: number;
  /** What the rows spent so far have computed, where a whole row is 1; likewise what shared rows had. */
  readonly compute: { readonly spent: number; readonly shared: number };
  /** Milliseconds inside the denoiser so far. */
  readonly milliseconds: number;
  /** @throws Error before the last step is done */
  latents(): Latents;
}

export interface DenoisingOptions {
  readonly model: LoadedModel;
  readonly conditioning: ConditioningOfPhase;
}

export function startDenoising(plan: Plan, options: DenoisingOptions): Denoising {
  return new PlannedDenoising(plan, options);
}

class PlannedDenoising implements Denoising {
  readonly denoiser: Denoiser;
  readonly batchKey: string;
  readonly #plan: Plan;
  readonly #options: DenoisingOptions;
  readonly #isTapped: boolean;
  readonly #sampling: ReturnType<typeof startSampling>;
  readonly #guide: ReturnType<typeof createGuidance>;
  #state: ReturnType<ReturnType<typeof startSampling>["next"]>;
  /** The plan's, until the run itself ends guidance. */
  #phases: readonly Phase[];
  /** Steps that compute the whole model; null where all do, since nothing is reused. */
  #wholeSteps: readonly number[] | null;
  /** Deep features of the last whole call, by the text of its rows. */
  #features: ReadonlyMap<string, Latents> = new Map();
  /** The timestep of the step under way, once it has been asked for. */
  #timestep: number | undefined;
  #evaluations = 0;
  #shared = 0;
  #compute = { spent: 0, shared: 0 };
  #milliseconds = 0;

  constructor(plan: Plan, options: DenoisingOptions) {
    const { model } = options;
    this.#plan = plan;
    this.#options = options;
    this.#phases = plan.phases;
    this.#wholeSteps = plan.reuse?.whole_steps ?? null;
    this.#isTapped = plan.insights.names.includes("attention");
    this.#sampling = startSampling(plan, model);
    this.#guide = createGuidance(plan);
    this.#state = this.#sampling.next();
    this.denoiser = model.denoiser;
    // Tapped rows run on a graph of their own.
    this.batchKey = `${plan.model_digest} ${latentShape(plan, model).join("x")} ${this.#isTapped}`;
  }

  get evaluations(): number {
    return this.#evaluations;
  }

  get shared(): number {
    return this.#shared;
  }

  get compute(): { readonly spent: number; readonly shared: number } {
    return this.#compute;
  }

  get milliseconds(): number {
    return this.#milliseconds;
  }

  nextRows(): DenoiserRow[] {
    if (this.#state.done) return [];
    const { x, timestep, step } = this.#state.value;
    const phase = phaseOfStep(this.#phases, step);
    const texts = textsOf(phase, this.#plan.negative_prompt);
    return this.#options.conditioning(phase).map((states, i, { length }) => ({
      x,
      timestep,
      states,
      // The row that sees the prompt is the last.
      tapped: this.#isTapped && seesPrompt(phase) && i === length - 1,
      ...this.#reuseIn(step, texts[i]),
    }));
  }

  /** A whole row of a run that reuses features gives its own. */
  #reuseIn(step: number, text = ""): Pick<DenoiserRow, "reuse"> {
    const { reuse } = this.#plan;
    if (!reuse) return {};
    if (!this.#isShallow(step)) return { reuse: { depth: reuse.depth, features: null } };
    const features = this.#features.get(text);
    if (!features) throw new Error(`Step ${step} has no deep features of its ${text} text`);
    return { reuse: { depth: reuse.depth, features } };
  }

  #isShallow(step: number): boolean {
    return this.#wholeSteps !== null && !this.#wholeSteps.includes(step);
  }

  accept(answer: DenoiserOutputs): FinishedStep | null {
    if (this.#state.done) throw new Error("The denoiser answered a run that asked for nothing");
    const query = this.#state.value;
    const phase = phaseOfStep(this.#phases, query.step);
    const shallow = this.#isShallow(query.step);
    this.#count(answer, shallow);
    if (!shallow) this.#keepFeatures(phase, answer);
    const { output, normRatio } = this.#guide(phase, answer.value);
    if (!areFinite(output)) throw divergence(query);
    const timestep = this.#timestep ?? query.timestep;
    this.#state = this.#sampling.next(output);
    const isWithinStep = !this.#state.done && this.#state.value.step === query.step;
    this.#timestep = isWithinStep ? timestep : undefined;
    if (isWithinStep) return null;
    const change = this.#measureText(phase, query, { outputs: answer.value, output });
    return {
      step: query.step,
      timestep,
      evaluations: this.#evaluations,
      shallow,
      guidanceNormRatio: normRatio,
      textChange: change,
      endedGuidance: this.#mayEndGuidance(query.step, change),
      x: query.x,
      outputs: answer.value,
      attention: answer.attention?.at(-1) ?? null,
      predictX0: () => query.predictX0(output),
    };
  }

  latents(): Latents {
    if (!this.#state.done) throw new Error("The latents are not ready before the last step");
    return this.#state.value;
  }

  #count(answer: DenoiserOutputs, shallow: boolean): void {
    const evaluated = evaluatedIn(answer);
    const shared = answer.value.length - evaluated;
    const { reuse } = this.#plan;
    const { cuts } = this.#options.model.manifest;
    const compute = shallow ? shallowCompute(reuse, cuts) : 1;
    this.#evaluations += evaluated;
    this.#shared += shared;
    this.#compute = {
      spent: roundCompute(this.#compute.spent + compute * evaluated),
      shared: roundCompute(this.#compute.shared + compute * shared),
    };
    this.#milliseconds += answer.milliseconds;
  }

  #keepFeatures(phase: Phase, { features = [] }: DenoiserOutputs): void {
    const texts = textsOf(phase, this.#plan.negative_prompt);
    this.#features = new Map(texts.flatMap((text, i) => {
      const ofRow = features[i];
      return ofRow ? [[text, ofRow]] : [];
    }));
  }

  #measureText(
    { conditioning }: Phase,
    query: DenoiserQuery,
    { outputs: [unconditional], output }: {
      readonly outputs: readonly Latents[];
      readonly output: Latents;
    },
  ): number | null {
    if (!this.#plan.cutoff.auto || conditioning !== "guided" || !unconditional) return null;
    return textChange(query, unconditional, output);
  }

  #mayEndGuidance(step: number, change: number | null): boolean {
    const { cutoff } = this.#plan;
    if (change === null || !endsGuidance(cutoff, step, change)) return false;
    this.#phases = endGuidance(this.#phases, step + 1, cutoff.tail);
    const { reuse } = this.#plan;
    if (reuse) this.#wholeSteps = wholeSteps({ ...this.#plan, phases: this.#phases }, reuse);
    return true;
  }
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
  return sampleFromNoise(sampler, drawNoise(), {
    config: spacedConfig(plan, model),
    num_inference_steps: plan.num_inference_steps,
    drawNoise,
  });
}

/** As diffusers' `from_config(config, timestep_spacing=...)`. */
function spacedConfig({ timestep_spacing }: Plan, { schedulerConfig }: LoadedModel) {
  return timestep_spacing ? { ...schedulerConfig, timestep_spacing } : schedulerConfig;
}

/** [channels, height, width] in latents. */
function latentShape({ width, height }: Plan, { manifest: { latents } }: LoadedModel): number[] {
  const { channels, vae_scale_factor } = latents;
  return [channels, height / vae_scale_factor, width / vae_scale_factor];
}

/**
 * Rows to the prediction that the sampler is given. A delta step adds the pull of the last call
 * that had one, in its last guided step; it was taken against the negative prompt where there was one,
 * while the row it is added to is the empty prompt's, as in every text-free step.
 */
function createGuidance({ guidance_scale }: Plan) {
  let pull: Latents | undefined;
  return ({ conditioning }: Phase, [first, second]: readonly Latents[]) => {
    if (!first) throw new Error("The denoiser gave no output");
    if (second) {
      const guided = classifierFreeGuidance(first, second, guidance_scale);
      pull = guided.pull;
      return guided;
    }
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
