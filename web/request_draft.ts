/** What stands in the form, and its two other spellings: the request body and the page's query. */
import { LIMITS } from "../contract/limits.ts";
import type { ModelManifest } from "../contract/model_manifest.ts";
import type { Tail } from "../contract/cutoff.ts";

/**
 * Numbers stay the text that was typed (empty: the model's default), so that the service can name what
 * is wrong with it. Places in the run are fractions, so that they survive another number of steps.
 */
export interface RequestDraft {
  readonly model: string;
  readonly prompt: string;
  readonly negative_prompt: string;
  readonly seed: string;
  readonly width: string;
  readonly height: string;
  readonly num_inference_steps: string;
  readonly guidance_scale: string;
  readonly sampler: string;
  readonly guided_fraction: number;
  readonly tail: Tail;
  /** Empty: no [EOS] swap. */
  readonly swap_prompt: string;
  readonly swap_from: number;
  readonly swap_to: number;
}

export type RequestBody = Readonly<Record<string, unknown>>;

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
  guided_fraction: 1,
  tail: "null",
  swap_prompt: "",
  swap_from: 0,
  swap_to: 1,
};

/** With a seed, so that asking again finds the stored result. */
const WELCOME: RequestDraft = { ...EMPTY_DRAFT, prompt: "a blue bird", seed: "7" };

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
  "swap_prompt",
] as const;
const FRACTIONS = ["guided_fraction", "swap_from", "swap_to"] as const;
/** Four digits tell 200 steps apart. */
const FRACTION_DIGITS = 4;

/** Only what differs from the empty form. */
export function draftQuery(draft: RequestDraft): string {
  const query = new URLSearchParams();
  for (const name of TEXTS) if (draft[name] !== "") query.set(name, draft[name]);
  for (const name of FRACTIONS) {
    if (draft[name] !== EMPTY_DRAFT[name]) {
      query.set(name, String(Number(draft[name].toFixed(FRACTION_DIGITS))));
    }
  }
  if (draft.tail !== EMPTY_DRAFT.tail) query.set("tail", draft.tail);
  return query.toString();
}

/** The draft in a link; a page without a query starts with a prompt to try. */
export function parseDraftQuery(search: string): RequestDraft {
  const query = new URLSearchParams(search);
  if (![...TEXTS, ...FRACTIONS, "tail"].some((name) => query.has(name))) return WELCOME;
  const texts = Object.fromEntries(TEXTS.map((name) => [name, query.get(name) ?? ""]));
  const fractions = Object.fromEntries(
    FRACTIONS.map((name) => [name, readFraction(query.get(name), EMPTY_DRAFT[name])]),
  );
  const tail = query.get("tail") === "cond" ? "cond" : "null";
  return { ...EMPTY_DRAFT, ...texts, ...fractions, tail };
}

function readFraction(text: string | null, missing: number): number {
  const value = text === null || text.trim() === "" ? NaN : Number(text);
  return value >= 0 && value <= 1 ? value : missing;
}

/** The steps that the draft asks for; null while neither the form nor the model says. */
export function draftSteps(
  { num_inference_steps }: RequestDraft,
  manifest: ModelManifest | null,
): number | null {
  const typed = Number(num_inference_steps);
  if (Number.isInteger(typed) && typed >= 1 && typed <= LIMITS.numInferenceSteps) return typed;
  return manifest?.defaults.num_inference_steps ?? null;
}

/** The body of `POST /v1/generations` and `POST /v1/plans`: nothing that merely repeats a default. */
export function draftRequest(draft: RequestDraft, manifest: ModelManifest | null): RequestBody {
  const steps = draftSteps(draft, manifest);
  return Object.fromEntries(
    Object.entries({
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
      previews: draftPreviews(draft, steps, manifest),
    }).filter(([, value]) => value !== undefined),
  );
}

/** Text that is no number is passed on as it is: the service says what is wrong with it. */
function readNumber(text: string): number | string | undefined {
  const trimmed = text.trim();
  if (trimmed === "") return undefined;
  const value = Number(trimmed);
  return Number.isFinite(value) ? value : trimmed;
}

function draftCutoff({ guided_fraction, tail }: RequestDraft, steps: number | null) {
  if (guided_fraction === 1) return undefined;
  const place = steps === null
    ? { guided_fraction }
    : { guided_steps: Math.round(guided_fraction * steps) };
  return tail === "null" ? place : { ...place, tail };
}

function draftSwap({ swap_prompt, swap_from, swap_to }: RequestDraft, steps: number | null) {
  if (swap_prompt === "") return undefined;
  if (steps === null || (swap_from === 0 && swap_to === 1)) return { prompt: swap_prompt };
  const [from, to] = [Math.round(swap_from * steps), Math.round(swap_to * steps)];
  return { prompt: swap_prompt, from, to };
}

const PREVIEWS = 10;
/** A projection has one pixel per latent: below this side nobody recognises anything in it. */
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
