/** One position of an encoder's input. */
import * as v from "valibot";
import { count, type DeepReadonly } from "../wire_schema.ts";

/**
 * The paper's classes (section 3) are [SOS], semantic tokens and [EOS]; [EOS] there means the first
 * one and all the padding after it, which we keep apart as `padding`.
 */
const TOKEN_CLASSES = ["sos", "semantic", "eos", "padding"] as const;
export type TokenClass = (typeof TOKEN_CLASSES)[number];

export const promptToken = v.object({
  /** 0 .. max_length - 1 in the encoder's input. */
  position: count,
  id: count,
  token: v.string(),
  class: v.picklist(TOKEN_CLASSES),
  /** Whether the model's vocabulary lacks this word. */
  unknown: v.boolean(),
});

export type PromptToken = DeepReadonly<v.InferOutput<typeof promptToken>>;
