/** Draws at random for the laboratory: a seed gives the same draws on every machine. */
import { createMt19937 } from "../../../gpu-function/diffusion/mod.ts";

export interface SeededDraws {
  /** Returns an integer from 0 to `bound` - 1. */
  below(bound: number): number;
  /** Returns the items shuffled, each order equally likely. */
  shuffled<T>(items: readonly T[]): T[];
}

export function seededDraws(seed: number): SeededDraws {
  const next = createMt19937(seed);
  const below = (bound: number) => Math.floor(next() / 2 ** 32 * bound);
  return {
    below,
    shuffled(items) {
      const rest = [...items];
      return items.map(() => rest.splice(below(rest.length), 1)[0]!);
    },
  };
}
