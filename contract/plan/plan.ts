/** The plan: everything that a run will do, before anything runs. */
import * as v from "valibot";
import { plannedEvaluations, plannedPhase } from "./phase.ts";
import { plannedBudget } from "../budget/planned_budget.ts";
import { type Cutoff, plannedCutoff } from "./planned_cutoff.ts";
import { plannedInsights } from "./planned_insights.ts";
import { plannedCompute, plannedReuse } from "./planned_reuse.ts";
import { plannedEosSwap } from "./settings.ts";
import { parseAs, type Parsed } from "../problem.ts";
import { EOS_SWAP_DEFAULTS } from "../request/eos_swap.ts";
import { INSIGHT_DEFAULTS } from "../request/insights.ts";
import { TIMESTEP_SPACINGS } from "../request/timestep_spacing.ts";
import { tokenStates } from "../request/token_states.ts";
import { type PlannedToken, plannedToken } from "../tokens/planned_tokens.ts";
import { promptToken } from "../tokens/prompt_token.ts";
import { checkedAs, count, type DeepReadonly, key } from "../wire_schema.ts";

export const planObject = v.object({
  /** The content key: 64 hex digits. */
  id: key,
  model: v.string(),
  model_digest: key,
  engine_version: v.string(),
  prompt: v.string(),
  negative_prompt: v.string(),
  seed: count,
  width: count,
  height: count,
  num_inference_steps: count,
  guidance_scale: v.number(),
  sampler: v.string(),
  /** Null where the request leaves it to the model. */
  timestep_spacing: v.nullable(v.picklist(TIMESTEP_SPACINGS)),
  output_format: v.picklist(["png", "webp"]),
  /** Its length has all three spellings; `a` is the paper's, counted from the end (eq. 9). */
  cutoff: plannedCutoff,
  eos_swap: v.nullable(plannedEosSwap),
  /** What replaces the prompt's text states, in all steps that see it. */
  token_states: v.nullable(tokenStates),
  /** How often the prompt's words are repeated; the token table has those that fit. */
  semantic_repeats: count,
  previews: v.object({
    every: count,
    method: v.picklist(["projection", "vae"]),
    /** Absent where none was asked for: then they are WebP. */
    format: v.optional(v.picklist(["png", "webp"])),
    /** The steps after which the predicted x0 is shown. */
    steps: v.array(count),
  }),
  /** No part of the key, since they change no pixel. */
  insights: plannedInsights,
  phases: v.array(plannedPhase),
  /** Null where the request names its settings itself. */
  budget: v.nullable(plannedBudget),
  /** Null where no features are reused. */
  reuse: v.nullable(plannedReuse),
  evaluations: plannedEvaluations,
  compute: plannedCompute,
  tokens: v.object({
    prompt: v.array(plannedToken),
    eos_swap: v.nullable(v.array(promptToken)),
  }),
});

export type Plan = DeepReadonly<v.InferOutput<typeof planObject>>;

/** The field by which a plan is recognised. */
export const planStart = v.looseObject({ id: v.string() });

/** Recognises a plan and adds the fields that older plans lack. */
export const planShell = v.pipe(planStart, v.transform((plan): object => completeOlderPlan(plan)));

/** A plan on the wire. */
export const planSchema = checkedAs<Plan>(planShell, planObject);

export function parsePlan(input: unknown): Parsed<Plan> {
  return parseAs(planSchema, input, "Plan");
}

type Fields = Readonly<Record<string, unknown>>;

/** Stored results outlive versions: this is what a plan without these fields means. */
const MEANT = {
  timestep_spacing: null,
  token_states: null,
  semantic_repeats: 1,
  budget: null,
  reuse: null,
  insights: { names: [], ...INSIGHT_DEFAULTS, map_steps: [] },
} satisfies Partial<Plan>;
const MEANT_BY_CUTOFF = { guided_from: 0, head: "null", auto: null } satisfies Partial<Cutoff>;
const MEANT_BY_TOKEN = { state: "own" } satisfies Partial<PlannedToken>;

function completeOlderPlan(plan: Fields): Fields {
  const { cutoff, eos_swap, tokens, evaluations } = plan;
  if (Object.keys(MEANT).every((name) => name in plan) && "auto" in Object(cutoff)) return plan;
  return {
    ...MEANT,
    // Nothing was reused, so every row was a whole one.
    compute: evaluations,
    ...plan,
    cutoff: { ...MEANT_BY_CUTOFF, ...Object(cutoff) },
    eos_swap: eos_swap && { ...EOS_SWAP_DEFAULTS, ...eos_swap },
    tokens: completeTokens(Object(tokens)),
  };
}

function completeTokens(tokens: Fields): Fields {
  const { prompt } = tokens;
  if (!Array.isArray(prompt)) return tokens;
  return { ...tokens, prompt: prompt.map((token) => ({ ...MEANT_BY_TOKEN, ...token })) };
}
