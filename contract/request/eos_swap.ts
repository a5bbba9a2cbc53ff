/** How the [EOS] of prompt B may stand in for that of prompt A. */
import * as v from "valibot";
import type { DeepReadonly } from "../wire_schema.ts";

/** Which of A's positions are replaced: its first [EOS], the padding after it, or both. */
export const EOS_SCOPES = ["first", "padding", "all"] as const;
export type EosScope = (typeof EOS_SCOPES)[number];

/** How the positions of A and B line up where the prompts differ in length. */
export const EOS_ALIGNMENTS = ["ordinal", "absolute"] as const;
export type EosAlignment = (typeof EOS_ALIGNMENTS)[number];

export const eosSwapOptions = v.object({
  scope: v.picklist(EOS_SCOPES),
  align: v.picklist(EOS_ALIGNMENTS),
});

export type EosSwapOptions = DeepReadonly<v.InferOutput<typeof eosSwapOptions>>;

export const EOS_SWAP_DEFAULTS: EosSwapOptions = { scope: "all", align: "ordinal" };
