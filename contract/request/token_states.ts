/** What may replace the text states of a class of tokens. */
import * as v from "valibot";
import type { DeepReadonly } from "../wire_schema.ts";

/**
 * `zeros`, `noise` (standard normal, of a seed of its own, alike in all steps), `sos` the prompt's
 * [SOS] state, `eos` that of its first [EOS].
 */
export const STATE_REPLACEMENTS = ["zeros", "noise", "sos", "eos"] as const;
export type StateReplacement = (typeof STATE_REPLACEMENTS)[number];
export const SOS_REPLACEMENTS = ["zeros", "noise", "eos"] as const;

/** By the paper's classes, `eos` with all the padding; null where tokens keep their state. */
export const tokenStates = v.object({
  sos: v.nullable(v.picklist(SOS_REPLACEMENTS)),
  semantic: v.nullable(v.picklist(STATE_REPLACEMENTS)),
  eos: v.nullable(v.picklist(STATE_REPLACEMENTS)),
});

export type TokenStates = DeepReadonly<v.InferOutput<typeof tokenStates>>;
