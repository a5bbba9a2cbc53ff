/**
 * Computes a request's plan. Edge and GPU function do so from the same request and package, so they
 * agree on the key without talking.
 */
import { spendBudget } from "../budget/planned_budget.ts";
import { checkCutoff } from "./planned_cutoff.ts";
import { eosSwapSources } from "../tokens/eos_swap_sources.ts";
import { generationKey, swapChangesStates } from "./generation_key.ts";
import type { SeededRequest } from "../request/generation_request.ts";
import { fillDefaults, type Settings } from "./settings.ts";
import { checkInsights, planInsights } from "./planned_insights.ts";
import { checkReuse, countCompute, planReuse } from "./planned_reuse.ts";
import { ENGINE_VERSION } from "../limits.ts";
import type { ModelManifest } from "../model_manifest.ts";
import { countEvaluations, type Phase, planPhases, seesPrompt } from "./phase.ts";
import type { Plan } from "./plan.ts";
import {
  accept,
  createFieldProblem,
  type FieldIssue,
  fieldIssue,
  type Parsed,
  refuse,
  showGiven,
} from "../problem.ts";
import type {
  PromptTokenizer,
  TokenizedPrompt,
  TokenizedPrompts,
} from "../tokens/prompt_tokenizer.ts";
import { planTokens } from "../tokens/planned_tokens.ts";

/** What the model leaves out of the texts of a request: for who has typed it alone, so it is in no plan. */
export function unreadIn(
  { prompt, negative_prompt, eos_swap }: Pick<
    SeededRequest,
    "prompt" | "negative_prompt" | "eos_swap"
  >,
  { tokenizer }: Pick<PlanningModel, "tokenizer">,
): Record<keyof TokenizedPrompts, readonly string[]> {
  return {
    prompt: tokenizer.tokenize(prompt).unread,
    negative_prompt: tokenizer.tokenize(negative_prompt).unread,
    eos_swap: eos_swap ? tokenizer.tokenize(eos_swap.prompt).unread : [],
  };
}

/** What planning needs of a model. */
export interface PlanningModel {
  readonly manifest: ModelManifest;
  readonly tokenizer: PromptTokenizer;
}

/** Fills the model's defaults, checks the request against the model and computes the plan. */
export function planGeneration(asked: SeededRequest, model: PlanningModel): Parsed<Plan> {
  const { manifest, tokenizer } = model;
  const spent = spendBudget(asked, manifest);
  if (!spent.ok) return spent;
  const { request, budget } = spent.value;
  const settings = fillDefaults(request, manifest);
  const prompts = {
    prompt: tokenizer.tokenize(request.prompt, request.semantic_repeats),
    negative_prompt: tokenizer.tokenize(request.negative_prompt),
    eos_swap: request.eos_swap ? tokenizer.tokenize(request.eos_swap.prompt) : null,
  };
  const issues = [
    ...checkSettings(request, settings, manifest),
    ...checkPrompt("prompt", prompts.prompt, manifest),
    ...checkPrompt("negative_prompt", prompts.negative_prompt, manifest),
    ...(prompts.eos_swap ? checkPrompt("eos_swap.prompt", prompts.eos_swap, manifest) : []),
    ...checkEosSwap(request, settings, manifest),
    ...checkTokenStates(request, manifest),
    ...checkInsights(request, manifest),
    ...checkReuse(request, settings, manifest),
  ];
  if (issues.length > 0) return refuse(createFieldProblem("unplannable", issues));
  const { unknownName } = tokenizer;
  const named = {
    prompt: withoutWords(prompts.prompt, unknownName),
    negative_prompt: prompts.negative_prompt,
    eos_swap: prompts.eos_swap && withoutWords(prompts.eos_swap, unknownName),
    nothing: tokenizer.tokenize(""),
  };
  return accept({ ...assemblePlan(request, settings, named, manifest), budget });
}

function checkSettings(
  { cutoff }: SeededRequest,
  settings: Settings,
  { size, samplers }: ModelManifest,
): FieldIssue[] {
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
  if (settings.timestep_spacing && settings.sampler === "flow_euler") {
    const allowed = "absent for sampler flow_euler, whose steps are spaced by the flow";
    issues.push(fieldIssue("timestep_spacing", allowed, settings.timestep_spacing));
  }
  return [...issues, ...checkCutoff(cutoff, settings.cutoff, settings)];
}

function checkPrompt(
  field: string,
  { length, tooLong, forbidden, read, unread }: TokenizedPrompt,
  { id, text }: ModelManifest,
): FieldIssue[] {
  if (field !== "negative_prompt" && read === "" && unread.length > 0) {
    const given = showGiven(unread.join(" "));
    const allowed = `text of which model ${id} reads a part`;
    return [{ field, allowed, given, message: `${field} must be ${allowed}, given ${given}` }];
  }
  if (forbidden !== null) return [fieldIssue(field, `free of the special token`, forbidden)];
  if (!tooLong) return [];
  const allowed = `at most ${text.max_length} tokens long, start and end token included`;
  const given = `${length} tokens`;
  return [{ field, allowed, given, message: `${field} must be ${allowed}, given ${given}` }];
}

function checkEosSwap(
  { eos_swap }: SeededRequest,
  { eos_swap: window, num_inference_steps: steps }: Settings,
  { id, text }: ModelManifest,
): FieldIssue[] {
  if (!window) return [];
  if (!text.causal) {
    const allowed = `absent for model ${id}, whose text encoder has no causal [EOS]`;
    return [fieldIssue("eos_swap", allowed, eos_swap)];
  }
  const { from, to } = window;
  if (to > steps) return [fieldIssue("eos_swap.to", `from 0 to the ${steps} steps`, to)];
  if (from > to) return [fieldIssue("eos_swap.from", `from 0 to eos_swap.to (${to})`, from)];
  return [];
}

/** An encoder without [SOS], such as T5's, has no such state to replace or to copy. */
function checkTokenStates(
  { token_states = {} }: SeededRequest,
  { id, text }: ModelManifest,
): FieldIssue[] {
  if (text.bos_token_id !== null) return [];
  const { sos, ...others } = token_states;
  const hasNone = `for model ${id}, whose text encoder has no [SOS]`;
  return [
    ...(sos ? [fieldIssue("token_states.sos", `absent ${hasNone}`, sos)] : []),
    ...Object.entries(others)
      .filter(([, state]) => state === "sos")
      .map(([name, state]) =>
        fieldIssue(`token_states.${name}`, `other than "sos" ${hasNone}`, state)
      ),
  ];
}

/** An unknown word is its asker's own: others of the same key have other words there. */
function withoutWords(prompt: TokenizedPrompt, unknownName: string): TokenizedPrompt {
  const tokens = prompt.tokens.map((token) =>
    token.unknown ? { ...token, token: unknownName } : token
  );
  return { ...prompt, tokens };
}

function assemblePlan(
  request: SeededRequest,
  settings: Settings,
  prompts: TokenizedPrompts & { readonly nothing: TokenizedPrompt },
  manifest: ModelManifest,
): Omit<Plan, "budget"> {
  const { num_inference_steps, guidance_scale, sampler, cutoff, eos_swap } = settings;
  const tokens = planTokens(
    prompts.prompt.tokens,
    eos_swap && prompts.eos_swap
      ? eosSwapSources(prompts.prompt.tokens, prompts.eos_swap.tokens, eos_swap)
      : null,
    settings.token_states,
  );
  const phaseOptions = {
    ...cutoff,
    num_inference_steps,
    guidance_scale,
    eos_swap: swapChangesStates(tokens, prompts) ? eos_swap : null,
  };
  const phases = planPhases(phaseOptions);
  const texts = textsWithEffect(prompts, phases);
  const seen = phases.some(seesPrompt) ? prompts.prompt : prompts.nothing;
  const shownTokens = texts.eos_swap === null
    ? planTokens(seen.tokens, null, settings.token_states)
    : tokens;
  const steps = previewSteps(request.previews.every, num_inference_steps);
  const run = { phases, num_inference_steps, negative_prompt: texts.negative_prompt };
  const reuse = planReuse(request.reuse, run);
  const evaluations = countEvaluations(phases, { ...phaseOptions, sampler });
  return {
    id: generationKey({
      request,
      settings,
      prompts,
      tokens,
      phases,
      reuse,
      cut: reuse ? manifest.cuts[reuse.depth - 1]?.value ?? null : null,
      model_digest: manifest.digest,
    }),
    model: manifest.id,
    model_digest: manifest.digest,
    engine_version: ENGINE_VERSION,
    prompt: texts.prompt,
    negative_prompt: texts.negative_prompt,
    seed: request.seed,
    ...settings,
    eos_swap: texts.eos_swap !== null && eos_swap ? { ...eos_swap, prompt: texts.eos_swap } : null,
    output_format: request.output_format,
    semantic_repeats: request.semantic_repeats,
    previews: { ...request.previews, steps },
    insights: planInsights(request, { phases, previewSteps: steps }),
    phases,
    reuse,
    evaluations,
    compute: countCompute({ ...run, reuse, sampler, evaluations }, manifest.cuts),
    tokens: {
      prompt: shownTokens,
      eos_swap: texts.eos_swap === null ? null : prompts.eos_swap?.tokens ?? null,
    },
  };
}

/**
 * The texts as the model reads them, as far as they change a pixel. A stored plan is shown to all who ask for
 * the same image, so it holds nothing of what one of them typed without effect.
 */
function textsWithEffect(
  { prompt, negative_prompt, eos_swap }: TokenizedPrompts,
  phases: readonly Phase[],
) {
  const isGuided = phases.some(({ conditioning }) => conditioning === "guided");
  const isSwapped = phases.some(({ eos_swapped }) => eos_swapped);
  return {
    prompt: phases.some(seesPrompt) ? prompt.read : "",
    negative_prompt: isGuided ? negative_prompt.read : "",
    eos_swap: isSwapped ? eos_swap?.read ?? null : null,
  };
}

/** Every n-th step, but not the last: the image itself follows it. */
function previewSteps(every: number, num_inference_steps: number): number[] {
  if (every === 0) return [];
  const count = Math.ceil(num_inference_steps / every) - 1;
  return Array.from({ length: count }, (_, i) => (i + 1) * every - 1);
}
