/** The content key of a plan: what can change the image, in canonical form, and nothing else. */
import { contentKey } from "./content_key.ts";
import { eosSwapSources } from "../tokens/eos_swap_sources.ts";
import { ENGINE_VERSION } from "../limits.ts";
import { type Phase, seesPrompt } from "./phase.ts";
import type { Reuse } from "./planned_reuse.ts";
import type { SeededRequest } from "../request/generation_request.ts";
import type { Settings } from "./settings.ts";
import type { TokenizedPrompts } from "../tokens/prompt_tokenizer.ts";
import {
  type PlannedToken,
  planTokens,
  spellStateSources,
  stateSources,
} from "../tokens/planned_tokens.ts";

/**
 * Whether the swap changes any state of the conditional row. It changes none where the prompts are
 * equal or every position that it reaches is replaced afterwards.
 */
export function swapChangesStates(
  tokens: readonly PlannedToken[],
  { prompt, eos_swap }: TokenizedPrompts,
): boolean {
  if (eos_swap === null || eos_swap.ids.join() === prompt.ids.join()) return false;
  return stateSources(tokens, true).some(({ from }) => from === "eos_swap");
}

interface KeyedPlan {
  readonly request: SeededRequest;
  readonly settings: Settings;
  readonly prompts: TokenizedPrompts;
  /** The prompt's token table. */
  readonly tokens: readonly PlannedToken[];
  readonly phases: readonly Phase[];
  readonly reuse: Reuse | null;
  /** The value at which the graph is cut for it; null without reuse. */
  readonly cut: string | null;
  readonly model_digest: string;
}

/**
 * Hashes token ids, phases and sources of states, not the spellings and options that led to them.
 */
export function generationKey(
  { request, settings, prompts, tokens, phases, reuse, cut, model_digest }: KeyedPlan,
): string {
  const { width, height, num_inference_steps, guidance_scale, sampler, cutoff } = settings;
  const { timestep_spacing } = settings;
  const guided = phases.some(({ conditioning }) => conditioning === "guided");
  const swapped = phases.some(({ eos_swapped }) => eos_swapped);
  return contentKey({
    engine: ENGINE_VERSION,
    model: model_digest,
    prompt: phases.some(seesPrompt) ? prompts.prompt.ids : null,
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
    ...(cutoff.auto ? { auto: { ...cutoff.auto, tail: cutoff.tail } } : {}),
    ...(timestep_spacing ? { timestep_spacing } : {}),
    ...(reuse ? { reuse: { cut, ...reusedSteps(reuse, cutoff.auto !== null) } } : {}),
    output_format: request.output_format,
    ...unusualStates(tokens, prompts, phases),
    // Private results never share a key with public ones or with another owner's.
    ...(request.owner === undefined ? {} : { owner: request.owner }),
  });
}

/** A run that may end guidance earlier plans its whole steps anew, by the settings that they came from. */
function reusedSteps({ from, every, whole_steps }: Reuse, isAutomatic: boolean) {
  return { whole_steps, ...(isAutomatic ? { from, every } : {}) };
}

/**
 * The sources of states where they differ from those of a plain prompt, or of a swap with default
 * options. Requests without newer settings thus keep the keys that they have always had.
 */
function unusualStates(
  tokens: readonly PlannedToken[],
  { prompt, eos_swap }: TokenizedPrompts,
  phases: readonly Phase[],
): Record<string, string[]> {
  const usualSources = eos_swap ? eosSwapSources(prompt.tokens, eos_swap.tokens) : null;
  const usual = planTokens(prompt.tokens, usualSources, null);
  const unusual: Record<string, string[]> = {};
  for (const swapped of [false, true]) {
    if (!phases.some((phase) => seesPrompt(phase) && phase.eos_swapped === swapped)) continue;
    const [states, expected] = [tokens, usual].map((table) =>
      spellStateSources(stateSources(table, swapped))
    );
    if (states && states.join() !== expected?.join()) {
      unusual[swapped ? "swapped_states" : "states"] = states;
    }
  }
  return unusual;
}
