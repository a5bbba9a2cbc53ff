/** Says how much an experiment draws. */
import type { AttributeKind } from "../prompts/prompt_set.ts";

export interface Sizes {
  /** Number of prompts, or of pairs of prompts. */
  readonly count: number;
  /** Number of seeds for each, from 0 on. */
  readonly seeds: number;
  /** Number of steps; null takes the model's own. */
  readonly steps: number | null;
  readonly attributes: readonly AttributeKind[];
}
