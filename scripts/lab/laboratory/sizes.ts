/** How much an experiment draws. */
import type { AttributeKind } from "../prompts/prompt_set.ts";

export interface Sizes {
  /** Prompts or pairs of prompts. */
  readonly count: number;
  /** Seeds 0 to this - 1 for each. */
  readonly seeds: number;
  /** Null takes the model's own number of steps. */
  readonly steps: number | null;
  readonly attributes: readonly AttributeKind[];
}
