/** Measures whether one prompt's images vary over seeds as much as real renders do. Pure. */
import { embeddingDistance, meanPairwise, rootMeanSquare } from "../../statistics/distance.ts";
import { type Estimate, meanOf } from "../../statistics/estimate.ts";

/** Images of one prompt, as pixels and as embeddings. */
export interface ImageSet {
  readonly pixels: readonly Uint8Array[];
  readonly embeddings: readonly Float32Array[];
}

export interface PromptImages {
  readonly prompt: string;
  readonly drawn: ImageSet;
  readonly real: ImageSet;
}

/** Mean pairwise distances of drawn over real images: 1 is the variety of the real ones. */
export interface Variety {
  readonly prompts: readonly {
    readonly prompt: string;
    readonly pixel_ratio: number;
    readonly embedding_ratio: number;
  }[];
  /** Mean ratio over the prompts. */
  readonly pixel_ratio: Estimate;
  readonly embedding_ratio: Estimate;
}

export function measureVariety(rows: readonly PromptImages[]): Variety {
  const prompts = rows.map(({ prompt, drawn, real }) => ({
    prompt,
    pixel_ratio: meanPairwise(drawn.pixels, rootMeanSquare) /
      meanPairwise(real.pixels, rootMeanSquare),
    embedding_ratio: meanPairwise(drawn.embeddings, embeddingDistance) /
      meanPairwise(real.embeddings, embeddingDistance),
  }));
  return {
    prompts,
    pixel_ratio: meanOf(prompts.map(({ pixel_ratio }) => pixel_ratio)),
    embedding_ratio: meanOf(prompts.map(({ embedding_ratio }) => embedding_ratio)),
  };
}
