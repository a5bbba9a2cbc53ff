/** What a run shows of its inside, where its request names `insights`. */
import * as v from "valibot";
import { count } from "../wire_schema.ts";

const ratio = v.nullable(v.number());
const bands = v.object({ low: v.number(), high: v.number() });
const bandRatios = v.object({ low: ratio, high: ratio });

/** Where in the image each semantic token is looked at. */
const tokenMaps = v.object({
  width: count,
  height: count,
  tokens: v.array(
    v.object({
      position: count,
      /** The weight that byte 255 stands for. */
      max: v.number(),
      /** Base64 of one byte per cell, row by row: 0 is no weight. */
      data: v.string(),
    }),
  ),
});

export type TokenMaps = v.InferOutput<typeof tokenMaps>;

/** Each event follows the `generation.step` it belongs to; the summaries come before the image. */
export const INSIGHT_EVENTS = [
  /** The cross-attention of the row that sees the prompt, in each step that has one. */
  v.object({
    type: v.literal("generation.attention"),
    step: count,
    /**
     * Weight of each class of tokens, mean over heads and places of a layer, then over layers. They
     * sum to 1. `eos` is the first [EOS] and the padding after it.
     */
    shares: v.object({ sos: v.number(), semantic: v.number(), eos: v.number() }),
    /** Null outside the plan's `map_steps`. */
    maps: v.nullable(tokenMaps),
  }),
  v.object({
    type: v.literal("generation.attention_summary"),
    /** Means over the steps. */
    maps: tokenMaps,
    convergence: v.object({
      /** The steps that had attention, in order. */
      steps: v.array(count),
      /**
       * Per such step, F1 of the edges of maps and image relative to the last step's, mean over
       * semantic tokens; null where none agrees with the image.
       */
      relative_f1: v.array(ratio),
      level: v.number(),
      /** The first step from which `relative_f1` stays at or above `level`; null where none is. */
      reached: v.nullable(count),
    }),
  }),
  /** Norms over channels and the band's bins, with the Fourier transform normalised by 1/(MN). */
  v.object({
    type: v.literal("generation.frequency"),
    step: count,
    /** The norms of the latents as the model saw them in this step. */
    x: bands,
    /** The norms of the predicted x0. */
    x0: bands,
  }),
  v.object({
    type: v.literal("generation.frequency_summary"),
    /** The share of bins that was asked to count as low. */
    low_fraction: v.number(),
    /** Bins of a channel in each band. */
    bins: v.object({ low: count, high: count }),
    /** The expected norms of standard normal noise. */
    noise: bands,
    /** The norms of the final latents. */
    final: bands,
    /** Per step `|x - final| / |final|` in each band, of x and of the predicted x0. */
    variation: v.array(v.object({ step: count, x: bandRatios, x0: bandRatios })),
  }),
  /** How far guidance moves the prediction, in each guided step. */
  v.object({
    type: v.literal("generation.guidance"),
    step: count,
    /** |uncond| / sqrt(n) over the n values. */
    unconditional_norm: v.number(),
    /** |w (cond - uncond)| / sqrt(n) */
    guidance_norm: v.number(),
    /** The cosine of the angle between the two predictions. */
    cosine: v.number(),
  }),
] as const;
