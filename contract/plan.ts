/**
 * The plan: everything that a run will do, before anything runs. Edge and GPU function compute it from
 * the same request and package, so they agree on the key without talking.
 */
import { contentKey } from "./content_key.ts";
import { eosSwapSources } from "./eos_swap.ts";
import type { GenerationRequest } from "./generation_request.ts";
import { ENGINE_VERSION } from "./limits.ts";
import type { ModelManifest } from "./model_manifest.ts";
import { countEvaluations, type Phase, type PlannedEvaluations, planPhases } from "./phase.ts";
import type { Tail } from "./phase.ts";
import {
  accept,
  createFieldProblem,
  type FieldIssue,
  fieldIssue,
  type Parsed,
  refuse,
} from "./problem.ts";
import type { PromptToken, PromptTokenizer, TokenizedPrompt } from "./prompt_tokenizer.ts";

/** What planning needs of a model. */
export interface PlanningModel {
  readonly manifest: ModelManifest;
  readonly tokenizer: PromptTokenizer;
}

export interface PlannedToken extends PromptToken {
  /** Where the text state comes from while [EOS] is swapped; null: its own prompt. */
  readonly swap_source: number | null;
}

export interface Plan {
  /** The content key: 64 hex digits. */
  readonly id: string;
  readonly model: string;
  readonly model_digest: string;
  readonly engine_version: string;
  readonly prompt: string;
  readonly negative_prompt: string;
  readonly seed: number;
  readonly width: number;
  readonly height: number;
  readonly num_inference_steps: number;
  readonly guidance_scale: number;
  readonly sampler: string;
  readonly output_format: "png" | "webp";
  /** The three spellings of one cutoff; `a` is the paper's, counted from the end (eq. 9). */
  readonly cutoff: {
    readonly guided_steps: number;
    readonly guided_fraction: number;
    readonly a: number;
    readonly tail: Tail;
  };
  readonly eos_swap: {
    readonly prompt: string;
    readonly from: number;
    readonly to: number;
  } | null;
  readonly previews: {
    readonly every: number;
    readonly method: "projection" | "vae";
    /** The steps after which the predicted x0 is shown. */
    readonly steps: readonly number[];
  };
  readonly phases: readonly Phase[];
  readonly evaluations: PlannedEvaluations;
  readonly tokens: {
    readonly prompt: readonly PlannedToken[];
    readonly eos_swap: readonly PromptToken[] | null;
  };
}

/** A request whose seed has been drawn: the plan itself is free of chance. */
export type SeededRequest = GenerationRequest & { readonly seed: number };

/** Fills the model's defaults, checks the request against the model and computes the plan. */
export function planGeneration(request: SeededRequest, model: PlanningModel): Parsed<Plan> {
  const { manifest, tokenizer } = model;
  const settings = fillDefaults(request, manifest);
  const prompts = {
    prompt: tokenizer.tokenize(request.prompt),
    negative_prompt: tokenizer.tokenize(request.negative_prompt),
    eos_swap: request.eos_swap ? tokenizer.tokenize(request.eos_swap.prompt) : null,
  };
  const issues = [
    ...checkSettings(settings, manifest),
    ...checkPrompt("prompt", prompts.prompt, manifest),
    ...checkPrompt("negative_prompt", prompts.negative_prompt, manifest),
    ...(prompts.eos_swap ? checkPrompt("eos_swap.prompt", prompts.eos_swap, manifest) : []),
    ...checkEosSwap(request, settings, manifest),
  ];
  if (issues.length > 0) return refuse(createFieldProblem("unplannable", issues));
  return accept(assemblePlan(request, settings, prompts, manifest));
}

interface Settings {
  readonly width: number;
  readonly height: number;
  readonly num_inference_steps: number;
  readonly guidance_scale: number;
  readonly sampler: string;
  /** May lie outside the run until it is checked. */
  readonly guided_steps: number;
  readonly tail: Tail;
  readonly window: { readonly from: number; readonly to: number } | null;
}

function fillDefaults(request: SeededRequest, { defaults }: ModelManifest): Settings {
  const steps = request.num_inference_steps ?? defaults.num_inference_steps;
  const { cutoff, eos_swap } = request;
  return {
    width: request.width ?? defaults.width,
    height: request.height ?? defaults.height,
    num_inference_steps: steps,
    guidance_scale: request.guidance_scale ?? defaults.guidance_scale,
    sampler: request.sampler ?? defaults.sampler,
    guided_steps: guidedSteps(cutoff, steps),
    tail: cutoff?.tail ?? "null",
    window: eos_swap ? { from: eos_swap.from ?? 0, to: eos_swap.to ?? steps } : null,
  };
}

function guidedSteps(cutoff: GenerationRequest["cutoff"], steps: number): number {
  if (cutoff?.guided_steps !== undefined) return cutoff.guided_steps;
  if (cutoff?.guided_fraction !== undefined) return Math.round(cutoff.guided_fraction * steps);
  if (cutoff?.a !== undefined) return steps - cutoff.a;
  return steps;
}

function checkSettings(settings: Settings, { size, samplers }: ModelManifest): FieldIssue[] {
  const { min, max, multiple_of } = size;
  const sides = `a multiple of ${multiple_of} from ${min} to ${max} for this model`;
  const issues: FieldIssue[] = [];
  for (const field of ["width", "height"] as const) {
    const side = settings[field];
    if (side < min || side > max || side % multiple_of !== 0) {
      issues.push(fieldIssue(field, sides, side));
    }
  }
  if (!samplers.includes(settings.sampler)) {
    issues.push(fieldIssue("sampler", `one of ${samplers.join(", ")}`, settings.sampler));
  }
  const { guided_steps, num_inference_steps: steps } = settings;
  if (guided_steps < 0) {
    issues.push(fieldIssue("cutoff.a", `from 0 to the ${steps} steps`, steps - guided_steps));
  } else if (guided_steps > steps) {
    issues.push(fieldIssue("cutoff.guided_steps", `from 0 to the ${steps} steps`, guided_steps));
  }
  return issues;
}

function checkPrompt(
  field: string,
  { length, tooLong, forbidden }: TokenizedPrompt,
  { text }: ModelManifest,
): FieldIssue[] {
  if (forbidden !== null) return [fieldIssue(field, `free of the special token`, forbidden)];
  if (!tooLong) return [];
  const allowed = `at most ${text.max_length} tokens long, start and end token included`;
  const given = `${length} tokens`;
  return [{ field, allowed, given, message: `${field} must be ${allowed}, given ${given}` }];
}

function checkEosSwap(
  { eos_swap }: SeededRequest,
  { window, num_inference_steps: steps }: Settings,
  { id, text }: ModelManifest,
): FieldIssue[] {
  if (!eos_swap || !window) return [];
  if (!text.causal) {
    const allowed = `absent for model ${id}, whose text encoder has no causal [EOS]`;
    return [fieldIssue("eos_swap", allowed, eos_swap)];
  }
  const { from, to } = window;
  if (to > steps) return [fieldIssue("eos_swap.to", `from 0 to the ${steps} steps`, to)];
  if (from > to) return [fieldIssue("eos_swap.from", `from 0 to eos_swap.to (${to})`, from)];
  return [];
}

interface TokenizedPrompts {
  readonly prompt: TokenizedPrompt;
  readonly negative_prompt: TokenizedPrompt;
  readonly eos_swap: TokenizedPrompt | null;
}

function assemblePlan(
  request: SeededRequest,
  settings: Settings,
  prompts: TokenizedPrompts,
  manifest: ModelManifest,
): Plan {
  const { num_inference_steps, guidance_scale, guided_steps, tail, window } = settings;
  const phaseOptions = {
    num_inference_steps,
    guidance_scale,
    guided_steps,
    tail,
    eos_swap: window,
  };
  const phases = planPhases(phaseOptions);
  const { width, height, sampler } = settings;
  return {
    id: generationKey(request, settings, { prompts, phases }, manifest),
    model: manifest.id,
    model_digest: manifest.digest,
    engine_version: ENGINE_VERSION,
    prompt: request.prompt,
    negative_prompt: request.negative_prompt,
    seed: request.seed,
    width,
    height,
    num_inference_steps,
    guidance_scale,
    sampler,
    output_format: request.output_format,
    cutoff: {
      guided_steps,
      guided_fraction: guided_steps / num_inference_steps,
      a: num_inference_steps - guided_steps,
      tail,
    },
    eos_swap: request.eos_swap && window ? { prompt: request.eos_swap.prompt, ...window } : null,
    previews: {
      ...request.previews,
      steps: previewSteps(request.previews.every, num_inference_steps),
    },
    phases,
    evaluations: countEvaluations(phases, { ...phaseOptions, sampler }),
    tokens: {
      prompt: planTokens(prompts.prompt.tokens, prompts.eos_swap?.tokens ?? null),
      eos_swap: prompts.eos_swap?.tokens ?? null,
    },
  };
}

/** Every n-th step, but not the last: the image itself follows it. */
function previewSteps(every: number, num_inference_steps: number): number[] {
  if (every === 0) return [];
  const count = Math.ceil(num_inference_steps / every) - 1;
  return Array.from({ length: count }, (_, i) => (i + 1) * every - 1);
}

function planTokens(a: readonly PromptToken[], b: readonly PromptToken[] | null): PlannedToken[] {
  const sources = b ? eosSwapSources(a, b) : [];
  return a.map((token, position) => ({ ...token, swap_source: sources[position] ?? null }));
}

/** Only what can change the image: token ids instead of spellings, phases instead of cutoffs. */
function generationKey(
  request: SeededRequest,
  { width, height, num_inference_steps, guidance_scale, sampler }: Settings,
  { prompts, phases }: { prompts: TokenizedPrompts; phases: readonly Phase[] },
  { digest }: ModelManifest,
): string {
  const guided = phases.some(({ conditioning }) => conditioning === "guided");
  const textual = phases.some(({ conditioning }) => conditioning !== "null");
  const swapped = phases.some(({ eos_swapped }) => eos_swapped);
  return contentKey({
    engine: ENGINE_VERSION,
    model: digest,
    prompt: textual ? prompts.prompt.ids : null,
    negative_prompt: guided ? prompts.negative_prompt.ids : null,
    eos_swap: swapped ? prompts.eos_swap?.ids ?? null : null,
    guidance_scale: guided ? guidance_scale : null,
    seed: request.seed,
    width,
    height,
    num_inference_steps,
    sampler,
    phases: phases.map(({ from, to, conditioning, eos_swapped }) => ({
      from,
      to,
      conditioning,
      eos_swapped,
    })),
    output_format: request.output_format,
  });
}
