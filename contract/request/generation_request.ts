/**
 * The request as it arrives: shapes, bounds and the defaults that hold for every model. Defaults
 * that depend on the model (size, steps, guidance) are filled when the request is planned.
 */
import * as v from "valibot";
import { HEADS, TAILS } from "./cutoff.ts";
import { EOS_ALIGNMENTS, EOS_SCOPES, EOS_SWAP_DEFAULTS } from "./eos_swap.ts";
import {
  arraysForObjects,
  choice,
  flag,
  integer,
  numberWithin,
  outside,
  rulesOf,
} from "./field.ts";
import { INSIGHT_DEFAULTS, INSIGHTS } from "./insights.ts";
import { LIMITS } from "../limits.ts";
import {
  accept,
  createFieldProblem,
  cutText,
  FIELD_ISSUES_MAX,
  type FieldIssue,
  fieldIssue,
  type Parsed,
  refuse,
  unknownFieldIssue,
} from "../problem.ts";
import { isPlainText, normalizeText, refusedCharacter } from "./prompt_text.ts";
import { TIMESTEP_SPACINGS } from "./timestep_spacing.ts";
import { SOS_REPLACEMENTS, STATE_REPLACEMENTS } from "./token_states.ts";

/** The embedded model. */
export const DEFAULT_MODEL = "mini";

const TEXT =
  `at most ${LIMITS.promptLength} characters of well-formed text without characters that control, ` +
  "reorder or hide it";

const text = (rule = TEXT, least = 0) =>
  v.pipe(
    v.string(),
    v.minLength(least),
    v.maxLength(LIMITS.promptLength),
    v.check(isPlainText),
    v.description(rule),
    v.transform(normalizeText),
    // Checked again, since NFC makes some characters longer.
    v.maxLength(LIMITS.promptLength),
  );
const step = integer(0, LIMITS.numInferenceSteps);
const steps = integer(1, LIMITS.numInferenceSteps);
const side = integer(1, LIMITS.sideMax, " (pixels)");

const autoCutoff = v.pipe(
  v.strictObject({
    tolerance: v.optional(numberWithin(0, 100)),
    min_steps: v.optional(steps),
    max_steps: v.optional(steps),
  }),
  v.description("an object with optionally tolerance, min_steps and max_steps"),
);

const cutoffObject = v.pipe(
  v.strictObject({
    guided_steps: v.optional(step),
    guided_fraction: v.optional(numberWithin(0, 1)),
    a: v.optional(step),
    auto: v.optional(autoCutoff),
    guided_from: v.optional(step, 0),
    head: v.optional(choice(HEADS), "null"),
    tail: v.optional(choice(TAILS), "null"),
  }),
  v.check(({ guided_steps, guided_fraction, a, auto }) =>
    [guided_steps, guided_fraction, a, auto].filter((value) => value !== undefined).length === 1
  ),
);

/** "auto" is short for an automatic cutoff with its defaults. */
const cutoff = v.pipe(
  v.custom<"auto" | v.InferInput<typeof cutoffObject>>(() => true),
  v.description(
    '"auto", or an object with exactly one of guided_steps, guided_fraction, a or auto, ' +
      "and optionally guided_from, head and tail",
  ),
  v.transform((given) => given === "auto" ? { auto: {} } : given),
  cutoffObject,
);

const eosSwap = v.pipe(
  v.strictObject({
    prompt: text(),
    from: v.optional(step),
    to: v.optional(step),
    scope: v.optional(choice(EOS_SCOPES), EOS_SWAP_DEFAULTS.scope),
    align: v.optional(choice(EOS_ALIGNMENTS), EOS_SWAP_DEFAULTS.align),
  }),
  v.description("an object with a prompt and optionally the steps from and to, a scope and align"),
);

const tokenStates = v.pipe(
  v.strictObject({
    sos: v.optional(choice(SOS_REPLACEMENTS)),
    semantic: v.optional(choice(STATE_REPLACEMENTS)),
    eos: v.optional(choice(STATE_REPLACEMENTS)),
  }),
  v.description("an object with what replaces the states of sos, semantic and eos"),
);

const reuse = v.pipe(
  v.strictObject({
    depth: v.optional(integer(1, LIMITS.cuts)),
    from: v.optional(steps),
    every: v.optional(integer(2, LIMITS.numInferenceSteps)),
  }),
  v.description("an object with optionally depth, from and every"),
);

const previews = v.pipe(
  v.strictObject({
    every: v.optional(integer(0, LIMITS.numInferenceSteps, " (0 for none)"), 5),
    method: v.optional(choice(["projection", "vae"]), "projection"),
    // Absent is a small WebP, as before there was a choice.
    format: v.optional(choice(["png", "webp"])),
  }),
  v.description("an object with every and method"),
);

const lowFraction = v.pipe(
  v.number(),
  v.gtValue(0),
  v.ltValue(1),
  v.description("a number above 0 and below 1"),
);
const convergenceLevel = v.pipe(
  v.number(),
  v.gtValue(0),
  v.maxValue(1),
  v.description("a number above 0, at most 1"),
);
const insightOptions = v.pipe(
  v.strictObject({
    low_fraction: v.optional(lowFraction, INSIGHT_DEFAULTS.low_fraction),
    convergence_level: v.optional(convergenceLevel, INSIGHT_DEFAULTS.convergence_level),
  }),
  v.description("an object with low_fraction and convergence_level"),
);

const generationRequest = v.pipe(
  v.strictObject({
    model: v.optional(
      v.pipe(
        v.string(),
        v.regex(/^[a-z0-9][a-z0-9._-]{0,63}$/),
        v.description('the id of an installed model, such as "mini"'),
      ),
      DEFAULT_MODEL,
    ),
    prompt: v.pipe(text(`non-empty text: ${TEXT}`, 1), v.check((value) => value.trim().length > 0)),
    negative_prompt: v.optional(text(), ""),
    seed: v.optional(integer(0, LIMITS.seedMax)),
    budget: v.optional(
      v.pipe(
        v.number(),
        v.gtValue(0),
        v.maxValue(1),
        v.description("a number above 0, at most 1, instead of steps, sampler, cutoff and reuse"),
      ),
    ),
    width: v.optional(side),
    height: v.optional(side),
    num_inference_steps: v.optional(steps),
    guidance_scale: v.optional(numberWithin(LIMITS.guidanceScaleMin, LIMITS.guidanceScaleMax)),
    sampler: v.optional(
      v.pipe(
        v.string(),
        v.maxLength(64),
        v.description('the name of a sampler, such as "ddim"'),
      ),
    ),
    timestep_spacing: v.optional(choice(TIMESTEP_SPACINGS)),
    cutoff: v.optional(cutoff),
    eos_swap: v.optional(eosSwap),
    token_states: v.optional(tokenStates),
    reuse: v.optional(reuse),
    semantic_repeats: v.optional(integer(1, LIMITS.semanticRepeats), 1),
    previews: v.optional(previews, {}),
    insights: v.optional(
      v.pipe(v.array(choice(INSIGHTS)), v.description(`an array of ${INSIGHTS.join(", ")}`)),
      [],
    ),
    insight_options: v.optional(insightOptions, {}),
    output_format: v.optional(choice(["png", "webp"]), "png"),
    private: v.optional(flag),
  }),
  v.description("a JSON object with at least a prompt"),
);

/** Exported for the OpenAPI document. */
export { generationRequest as generationRequestSchema };

/** What a client may send. */
export type GenerationRequestInput = v.InferInput<typeof generationRequest>;
/** A parsed request, with the defaults that hold for every model filled in. */
export type GenerationRequest = v.InferOutput<typeof generationRequest>;

/** What each field allows, in words. */
export const FIELD_RULES = rulesOf(generationRequest);

/** A request as the edge sends it on. Only the edge names the owner of a private generation. */
export type OwnedRequest = GenerationRequest & {
  /** The account that alone may read the result. */
  readonly owner?: string;
};

/** A request whose seed has been drawn: the plan itself is free of chance. */
export type SeededRequest = OwnedRequest & { readonly seed: number };

/** Parses a request from the edge, with an owner where it is private. */
export function parseOwnedRequest(input: unknown): Parsed<OwnedRequest> {
  if (typeof input !== "object" || input === null || !("owner" in input)) {
    return parseGenerationRequest(input);
  }
  const { owner, ...rest } = input;
  const request = parseGenerationRequest(rest);
  if (!request.ok) return request;
  if (typeof owner === "string" && OWNER.test(owner) && request.value.private === true) {
    return accept({ ...request.value, owner });
  }
  const allowed = "the account of a private request, such as key_0123456789abcdef";
  return refuse(createFieldProblem("invalid_request", [fieldIssue("owner", allowed, owner)]));
}

const OWNER = /^key_[0-9a-f]{16}$/;

/** Parses a body of any shape. Every wrong field is named, with what it allows and was given. */
export function parseGenerationRequest(input: unknown): Parsed<GenerationRequest> {
  const arrays = arraysForObjects(input, FIELD_RULES);
  const result = v.safeParse(generationRequest, input);
  if (result.success && arrays.length === 0) return accept(result.output);
  const found = (result.issues ?? []).slice(0, FIELD_ISSUES_MAX).map((issue) =>
    toFieldIssue(v.getDotPath(issue) ?? "", issue.expected === "never", issue.input)
  );
  const issues = [...arrays, ...outside(arrays, found)].slice(0, FIELD_ISSUES_MAX);
  const firstPerField = [...new Map(issues.toReversed().map((i) => [i.field, i])).values()];
  return refuse(createFieldProblem("invalid_request", firstPerField.toReversed()));
}

const TEXT_FIELDS = /(^|[._])prompt$/;

function toFieldIssue(field: string, unknown: boolean, given: unknown): FieldIssue {
  if (unknown) return unknownFieldIssue(field, siblingsOf(field), given);
  const allowed = FIELD_RULES[field.replace(/\.\d+$/, ".*")] ?? "absent";
  // Such a character would change what its reader sees of the sentence, so it is named and not shown.
  const refused = typeof given === "string" && TEXT_FIELDS.test(field)
    ? refusedCharacter(given)
    : null;
  if (refused !== null) {
    return {
      field,
      allowed,
      given: refused,
      message: `${field} must be ${allowed}, given ${refused}`,
    };
  }
  return field === ""
    ? { ...fieldIssue("body", allowed, given), field: "" }
    : fieldIssue(field, allowed, given);
}

function siblingsOf(field: string): string[] {
  const parentOf = (path: string) => path.slice(0, Math.max(path.lastIndexOf("."), 0));
  const parent = parentOf(cutText(field));
  return Object.keys(FIELD_RULES).filter((rule) => rule !== "" && parentOf(rule) === parent);
}
