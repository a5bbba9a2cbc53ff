/** Chance for the laboratory: the same seed gives the same draws on every machine. */
import { createMt19937 } from "../../gpu-function/diffusion/mod.ts";

export interface SeededDraws {
  /** An integer from 0 to `bound` - 1. */
  below(bound: number): number;
}

export function seededDraws(seed: number): SeededDraws {
  const next = createMt19937(seed);
  return { below: (bound) => Math.floor(next() / 2 ** 32 * bound) };
}
