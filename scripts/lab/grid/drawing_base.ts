/** Makes what all drawings of an experiment share. */
import type { Sizes } from "../laboratory/sizes.ts";
import type { Drawing } from "../drawings/generation_cache.ts";
import type { Laboratory } from "../laboratory/laboratory.ts";

export interface DrawingBase {
  readonly steps: number;
  drawing(prompt: string, seed: number, controls?: Partial<Drawing>): Drawing;
}

/** Takes the model's own defaults except for the number of steps. */
export function drawingBase({ manifest }: Laboratory, sizes: Pick<Sizes, "steps">): DrawingBase {
  const { id: model, defaults } = manifest;
  const steps = sizes.steps ?? defaults.num_inference_steps;
  return {
    steps,
    drawing: (prompt, seed, controls = {}) => ({
      model,
      prompt,
      seed,
      num_inference_steps: steps,
      ...controls,
    }),
  };
}

/** Returns different whole numbers of steps near the given shares, in order. */
export function stepsAt(shares: readonly number[], steps: number): number[] {
  return [...new Set(shares.map((share) => Math.round(share * steps)))].sort((a, b) => a - b);
}
