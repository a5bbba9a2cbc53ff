/**
 * The request as it arrives: shapes, bounds and the defaults that hold for every model. Defaults that
 * depend on the model (size, steps, guidance) are filled when the request is planned.
 */
import * as v from "valibot";
import { HEADS, TAILS } from "./cutoff.ts";
import { EOS_ALIGNMENTS, EOS_SCOPES, EOS_SWAP_DEFAULTS } from "./eos_swap.ts";
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
import { isPlainText, normalizeText } from "./prompt_text.ts";
import { SOS_REPLACEMENTS, STATE_REPLACEMENTS } from "./token_states.ts";

const integer = (min: number, max: number) =>
  v.pipe(v.number(), v.integer(), v.minValue(min), v.maxValue(max));

const text = v.pipe(
  v.string(),
  v.maxLength(LIMITS.promptLength),
  v.check(isPlainText),
  v.transform(normalizeText),
  // Some characters are composed of more code units than they came in.
  v.maxLength(LIMITS.promptLength),
);
const step = integer(0, LIMITS.numInferenceSteps);

const autoCutoff = v.strictObject({
  tolerance: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(100))),
  min_steps: v.optional(integer(1, LIMITS.numInferenceSteps)),
  max_steps: v.optional(integer(1, LIMITS.numInferenceSteps)),
});

const cutoffObject = v.pipe(
  v.strictObject({
    guided_steps: v.optional(step),
    guided_fraction: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1))),
    a: v.optional(step),
    auto: v.optional(autoCutoff),
    guided_from: v.optional(step, 0),
    head: v.optional(v.picklist(HEADS), "null"),
    tail: v.optional(v.picklist(TAILS), "null"),
  }),
  v.check(({ guided_steps, guided_fraction, a, auto }) =>
    [guided_steps, guided_fraction, a, auto].filter((value) => value !== undefined).length === 1
  ),
);

/** "auto" is short for an automatic cutoff with nothing else said. */
const cutoff = v.pipe(
  v.custom<"auto" | v.InferInput<typeof cutoffObject>>(() => true),
  v.transform((given) => given === "auto" ? { auto: {} } : given),
  cutoffObject,
);

const eosSwap = v.strictObject({
  prompt: text,
  from: v.optional(step),
  to: v.optional(step),
  scope: v.optional(v.picklist(EOS_SCOPES), EOS_SWAP_DEFAULTS.scope),
  align: v.optional(v.picklist(EOS_ALIGNMENTS), EOS_SWAP_DEFAULTS.align),
});

const tokenStates = v.strictObject({
  sos: v.optional(v.picklist(SOS_REPLACEMENTS)),
  semantic: v.optional(v.picklist(STATE_REPLACEMENTS)),
  eos: v.optional(v.picklist(STATE_REPLACEMENTS)),
});

const generationRequest = v.strictObject({
  model: v.optional(v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9._-]{0,63}$/)), "mini"),
  prompt: v.pipe(text, v.check((value) => value.trim().length > 0)),
  negative_prompt: v.optional(text, ""),
  seed: v.optional(integer(0, LIMITS.seedMax)),
  width: v.optional(integer(1, LIMITS.sideMax)),
  height: v.optional(integer(1, LIMITS.sideMax)),
  num_inference_steps: v.optional(integer(1, LIMITS.numInferenceSteps)),
  guidance_scale: v.optional(
    v.pipe(v.number(), v.minValue(LIMITS.guidanceScaleMin), v.maxValue(LIMITS.guidanceScaleMax)),
  ),
  sampler: v.optional(v.pipe(v.string(), v.maxLength(64))),
  cutoff: v.optional(cutoff),
  eos_swap: v.optional(eosSwap),
  token_states: v.optional(tokenStates),
  semantic_repeats: v.optional(integer(1, LIMITS.semanticRepeats), 1),
  previews: v.optional(
    v.strictObject({
      every: v.optional(step, 5),
      method: v.optional(v.picklist(["projection", "vae"]), "projection"),
    }),
    {},
  ),
  insights: v.optional(v.array(v.picklist(INSIGHTS)), []),
  insight_options: v.optional(
    v.strictObject({
      low_fraction: v.optional(
        v.pipe(v.number(), v.gtValue(0), v.ltValue(1)),
        INSIGHT_DEFAULTS.low_fraction,
      ),
      convergence_level: v.optional(
        v.pipe(v.number(), v.gtValue(0), v.maxValue(1)),
        INSIGHT_DEFAULTS.convergence_level,
      ),
    }),
    {},
  ),
  output_format: v.optional(v.picklist(["png", "webp"]), "png"),
  private: v.optional(v.boolean()),
});

/** For documents of the API. */
export { generationRequest as generationRequestSchema };

/** What a client may send. */
export type GenerationRequestInput = v.InferInput<typeof generationRequest>;
/** The same after parsing: model-independent defaults filled. */
export type GenerationRequest = v.InferOutput<typeof generationRequest>;

const TEXT =
  `at most ${LIMITS.promptLength} characters of well-formed text without characters that control, ` +
  "reorder or hide it";
/** `"a", "b" or "c"` */
function oneOf(names: readonly string[]): string {
  const quoted = names.map((name) => JSON.stringify(name));
  return `${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}`;
}

const STEP = `an integer from 0 to ${LIMITS.numInferenceSteps}`;

/** What each field allows, in words: the second half of every refusal, and the API's reference. */
export const FIELD_RULES: Readonly<Record<string, string>> = {
  "": "a JSON object with at least a prompt",
  model: 'the id of an installed model, such as "mini"',
  prompt: `non-empty text: ${TEXT}`,
  negative_prompt: TEXT,
  seed: `an integer from 0 to ${LIMITS.seedMax}`,
  width: `an integer from 1 to ${LIMITS.sideMax} (pixels)`,
  height: `an integer from 1 to ${LIMITS.sideMax} (pixels)`,
  num_inference_steps: `an integer from 1 to ${LIMITS.numInferenceSteps}`,
  guidance_scale: `a number from ${LIMITS.guidanceScaleMin} to ${LIMITS.guidanceScaleMax}`,
  sampler: 'the name of a sampler, such as "ddim"',
  cutoff: '"auto", or an object with exactly one of guided_steps, guided_fraction, a or auto, ' +
    "and optionally guided_from, head and tail",
  "cutoff.guided_steps": STEP,
  "cutoff.guided_fraction": "a number from 0 to 1",
  "cutoff.a": STEP,
  "cutoff.auto": "an object with optionally tolerance, min_steps and max_steps",
  "cutoff.auto.tolerance": "a number from 0 to 100",
  "cutoff.auto.min_steps": `an integer from 1 to ${LIMITS.numInferenceSteps}`,
  "cutoff.auto.max_steps": `an integer from 1 to ${LIMITS.numInferenceSteps}`,
  "cutoff.guided_from": STEP,
  "cutoff.head": oneOf(HEADS),
  "cutoff.tail": oneOf(TAILS),
  eos_swap: "an object with a prompt and optionally the steps from and to, a scope and align",
  "eos_swap.prompt": TEXT,
  "eos_swap.from": STEP,
  "eos_swap.to": STEP,
  "eos_swap.scope": oneOf(EOS_SCOPES),
  "eos_swap.align": oneOf(EOS_ALIGNMENTS),
  token_states: "an object with what replaces the states of sos, semantic and eos",
  "token_states.sos": oneOf(SOS_REPLACEMENTS),
  "token_states.semantic": oneOf(STATE_REPLACEMENTS),
  "token_states.eos": oneOf(STATE_REPLACEMENTS),
  semantic_repeats: `an integer from 1 to ${LIMITS.semanticRepeats}`,
  previews: "an object with every and method",
  "previews.every": `${STEP} (0 for none)`,
  "previews.method": '"projection" or "vae"',
  insights: `an array of ${INSIGHTS.join(", ")}`,
  "insights.*": oneOf(INSIGHTS),
  insight_options: "an object with low_fraction and convergence_level",
  "insight_options.low_fraction": "a number above 0 and below 1",
  "insight_options.convergence_level": "a number above 0, at most 1",
  output_format: '"png" or "webp"',
  private: "true or false",
};

/** What the edge sends on: whose a private generation is, is not the client's to say. */
export type OwnedRequest = GenerationRequest & {
  /** The account that alone may read the result. */
  readonly owner?: string;
};

/** A request whose seed has been drawn: the plan itself is free of chance. */
export type SeededRequest = OwnedRequest & { readonly seed: number };

/** A request as the edge sends it, with an owner where it is private. */
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

/** Parses a request body of any shape. Every wrong field is named, with what it allows and was given. */
export function parseGenerationRequest(input: unknown): Parsed<GenerationRequest> {
  // An array passes for an object in the schema, with its indices as unknown fields.
  const result = v.safeParse(generationRequest, Array.isArray(input) ? null : input);
  if (result.success) return accept(result.output);
  const issues = result.issues.slice(0, FIELD_ISSUES_MAX).map((issue) =>
    toFieldIssue(v.getDotPath(issue) ?? "", issue.expected === "never", issue.input)
  );
  const firstPerField = [...new Map(issues.toReversed().map((i) => [i.field, i])).values()];
  return refuse(createFieldProblem("invalid_request", firstPerField.toReversed()));
}

function toFieldIssue(field: string, unknown: boolean, given: unknown): FieldIssue {
  if (unknown) return unknownFieldIssue(field, siblingsOf(field), given);
  const allowed = FIELD_RULES[field.replace(/\.\d+$/, ".*")] ?? "absent";
  return field === ""
    ? { ...fieldIssue("body", allowed, given), field: "" }
    : fieldIssue(field, allowed, given);
}

function siblingsOf(field: string): string[] {
  const parentOf = (path: string) => path.slice(0, Math.max(path.lastIndexOf("."), 0));
  const parent = parentOf(cutText(field));
  return Object.keys(FIELD_RULES).filter((rule) => rule !== "" && parentOf(rule) === parent);
}
