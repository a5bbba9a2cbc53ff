/** The form's contents, and their two other spellings: the request body and the page's query. */
import type { RequestBody } from "../../client/api_client.ts";
import { LIMITS } from "../../contract/limits.ts";
import { HEADS, TAILS } from "../../contract/request/cutoff.ts";
import { EOS_ALIGNMENTS, EOS_SCOPES } from "../../contract/request/eos_swap.ts";
import type { ModelManifest } from "../../contract/model_manifest.ts";
import { SOS_REPLACEMENTS, STATE_REPLACEMENTS } from "../../contract/request/token_states.ts";

/** The form's choices. The first of each is the empty form's. */
export const CHOICES = {
  /** Guidance ends exactly where the draft says, or there at the latest. */
  decision: ["fixed", "auto"],
  head: HEADS,
  tail: TAILS,
  swap_scope: ["all", ...EOS_SCOPES.filter((scope) => scope !== "all")],
  swap_align: EOS_ALIGNMENTS,
  sos_state: ["own", ...SOS_REPLACEMENTS],
  semantic_state: ["own", ...STATE_REPLACEMENTS],
  eos_state: ["own", ...STATE_REPLACEMENTS],
} as const;

type Choices = { readonly [Name in keyof typeof CHOICES]: (typeof CHOICES)[Name][number] };
const CHOICE_NAMES = Object.keys(CHOICES) as (keyof Choices)[];

/**
 * Numbers stay the text that was typed (empty: the model's default), so that the service can say
 * what is wrong with it. Places in the run are fractions, so that they hold for another number of
 * steps.
 */
export interface RequestDraft extends Choices {
  readonly model: string;
  readonly prompt: string;
  readonly negative_prompt: string;
  readonly seed: string;
  readonly width: string;
  readonly height: string;
  readonly num_inference_steps: string;
  readonly guidance_scale: string;
  readonly sampler: string;
  readonly semantic_repeats: string;
  readonly guided_from: number;
  readonly guided_to: number;
  /** Empty where there is no [EOS] swap. */
  readonly swap_prompt: string;
  readonly swap_from: number;
  readonly swap_to: number;
}

export const EMPTY_DRAFT: RequestDraft = {
  model: "",
  prompt: "",
  negative_prompt: "",
  seed: "",
  width: "",
  height: "",
  num_inference_steps: "",
  guidance_scale: "",
  sampler: "",
  semantic_repeats: "",
  guided_from: 0,
  guided_to: 1,
  swap_prompt: "",
  swap_from: 0,
  swap_to: 1,
  decision: "fixed",
  head: "null",
  tail: "null",
  swap_scope: "all",
  swap_align: "ordinal",
  sos_state: "own",
  semantic_state: "own",
  eos_state: "own",
};

/** It has a seed, so that a second request finds the stored result. */
const WELCOME: RequestDraft = { ...EMPTY_DRAFT, prompt: "a blue bird", seed: "6" };

const TEXTS = [
  "model",
  "prompt",
  "negative_prompt",
  "seed",
  "width",
  "height",
  "num_inference_steps",
  "guidance_scale",
  "sampler",
  "semantic_repeats",
  "swap_prompt",
] as const;
const FRACTIONS = ["guided_from", "guided_to", "swap_from", "swap_to"] as const;
/** Four digits tell 200 steps apart. */
const FRACTION_DIGITS = 4;

/** The page's query, with only what differs from the empty form. */
export function draftQuery(draft: RequestDraft): string {
  const query = new URLSearchParams();
  for (const name of TEXTS) if (draft[name] !== "") query.set(name, draft[name]);
  for (const name of FRACTIONS) {
    if (draft[name] !== EMPTY_DRAFT[name]) {
      query.set(name, String(Number(draft[name].toFixed(FRACTION_DIGITS))));
    }
  }
  for (const name of CHOICE_NAMES) {
    if (draft[name] !== EMPTY_DRAFT[name]) query.set(name, draft[name]);
  }
  return query.toString();
}

/** The draft in a link; a page without a query starts with a prompt to try. */
export function parseDraftQuery(search: string): RequestDraft {
  const query = new URLSearchParams(search);
  if (![...TEXTS, ...FRACTIONS, ...CHOICE_NAMES].some((name) => query.has(name))) return WELCOME;
  const texts = Object.fromEntries(TEXTS.map((name) => [name, query.get(name) ?? ""]));
  const fractions = Object.fromEntries(
    FRACTIONS.map((name) => [name, readFraction(query.get(name), EMPTY_DRAFT[name])]),
  );
  const choices = Object.fromEntries(
    CHOICE_NAMES.map((name) => [name, readChoice(name, query.get(name))]),
  );
  return { ...EMPTY_DRAFT, ...texts, ...fractions, ...choices };
}

function readChoice(name: keyof Choices, text: string | null): string {
  return CHOICES[name].find((choice) => choice === text) ?? EMPTY_DRAFT[name];
}

function readFraction(text: string | null, missing: number): number {
  const value = text === null || text.trim() === "" ? NaN : Number(text);
  return value >= 0 && value <= 1 ? value : missing;
}

/** The steps that the draft asks for; null while both form and model leave them open. */
export function draftSteps(
  { num_inference_steps }: RequestDraft,
  manifest: ModelManifest | null,
): number | null {
  const typed = Number(num_inference_steps);
  if (Number.isInteger(typed) && typed >= 1 && typed <= LIMITS.numInferenceSteps) return typed;
  return manifest?.defaults.num_inference_steps ?? null;
}

/** The body of `POST /v1/generations` and `POST /v1/plans`, without what repeats a default. */
export function draftRequest(draft: RequestDraft, manifest: ModelManifest | null): RequestBody {
  const steps = draftSteps(draft, manifest);
  const body: RequestBody = {
    // Spelled out, since the service's default need not be the first of the installed models.
    model: draft.model || manifest?.id,
    prompt: draft.prompt,
    negative_prompt: draft.negative_prompt || undefined,
    seed: readNumber(draft.seed),
    width: readNumber(draft.width),
    height: readNumber(draft.height),
    num_inference_steps: readNumber(draft.num_inference_steps),
    guidance_scale: readNumber(draft.guidance_scale),
    sampler: draft.sampler || undefined,
    cutoff: draftCutoff(draft, steps),
    eos_swap: draftSwap(draft, steps),
    token_states: draftStates(draft),
    semantic_repeats: readNumber(draft.semantic_repeats),
    previews: draftPreviews(draft, steps, manifest),
  };
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined));
}

/** Text that is no number is passed on as it is, so that the service says what is wrong with it. */
function readNumber(text: string): number | string | undefined {
  const trimmed = text.trim();
  if (trimmed === "") return undefined;
  const value = Number(trimmed);
  return Number.isFinite(value) ? value : trimmed;
}

/** The guided steps of a run, from (included) to (excluded). */
export function guidedInterval({ guided_from, guided_to }: RequestDraft, steps: number) {
  return { from: Math.round(guided_from * steps), to: Math.round(guided_to * steps) };
}

function draftCutoff(draft: RequestDraft, steps: number | null) {
  const { guided_from, guided_to, decision, head, tail } = draft;
  const isAuto = decision === "auto";
  if (guided_from === 0 && guided_to === 1 && !isAuto) return undefined;
  // Without the number of steps only the interval's length is known, as a fraction.
  const asked = { head: head === "null" ? {} : { head }, tail: tail === "null" ? {} : { tail } };
  if (steps === null) {
    const length = isAuto ? { auto: {} } : { guided_fraction: guided_to - guided_from };
    return { ...length, ...asked.tail };
  }
  const { from, to } = guidedInterval(draft, steps);
  const most = to < steps ? { max_steps: to - from } : {};
  return {
    ...(isAuto ? { auto: most } : { guided_steps: to - from }),
    ...(from > 0 ? { guided_from: from, ...asked.head } : {}),
    ...(isAuto || to < steps ? asked.tail : {}),
  };
}

function draftSwap(draft: RequestDraft, steps: number | null) {
  const { swap_prompt, swap_from, swap_to, swap_scope, swap_align } = draft;
  if (swap_prompt === "") return undefined;
  const swap = {
    prompt: swap_prompt,
    ...(swap_scope === "all" ? {} : { scope: swap_scope }),
    ...(swap_align === "ordinal" ? {} : { align: swap_align }),
  };
  if (steps === null || (swap_from === 0 && swap_to === 1)) return swap;
  return { ...swap, from: Math.round(swap_from * steps), to: Math.round(swap_to * steps) };
}

function draftStates({ sos_state, semantic_state, eos_state }: RequestDraft) {
  const states = Object.entries({ sos: sos_state, semantic: semantic_state, eos: eos_state })
    .filter(([, state]) => state !== "own");
  return states.length === 0 ? undefined : Object.fromEntries(states);
}

const PREVIEWS = 10;
/** A projection has one pixel per latent. Below this side its content cannot be recognised. */
const PROJECTION_SIDE_MIN = 32;

function draftPreviews(
  { width, height }: RequestDraft,
  steps: number | null,
  manifest: ModelManifest | null,
) {
  if (steps === null || manifest === null) return undefined;
  const side = Math.max(
    Number(width) || manifest.defaults.width,
    Number(height) || manifest.defaults.height,
  ) / manifest.latents.vae_scale_factor;
  const method = side < PROJECTION_SIDE_MIN || manifest.latent_rgb === null ? "vae" : "projection";
  return { every: Math.ceil(steps / PREVIEWS), method };
}
