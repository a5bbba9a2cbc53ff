/** What may replace the text states of a class of tokens. */
import * as v from "valibot";
import type { DeepReadonly } from "../wire_schema.ts";

/**
 * `noise` is standard normal, from a seed of its own, the same in all steps. `sos` is the prompt's
 * [SOS] state, `eos` that of its first [EOS].
 */
export const STATE_REPLACEMENTS = ["zeros", "noise", "sos", "eos"] as const;
export type StateReplacement = (typeof STATE_REPLACEMENTS)[number];
export const SOS_REPLACEMENTS = ["zeros", "noise", "eos"] as const;

/** By the paper's classes, where `eos` includes all padding. Null: the tokens keep their state. */
export const tokenStates = v.object({
  sos: v.nullable(v.picklist(SOS_REPLACEMENTS)),
  semantic: v.nullable(v.picklist(STATE_REPLACEMENTS)),
  eos: v.nullable(v.picklist(STATE_REPLACEMENTS)),
});

export type TokenStates = DeepReadonly<v.InferOutput<typeof tokenStates>>;
