/** What a run shows of its inside, as far as it was asked to (`insights`). */
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

/** Each follows the `generation.step` it belongs to; the summaries come before the image. */
export const INSIGHT_EVENTS = [
  /** In a step with a row that sees the prompt: that row's cross-attention. */
  v.object({
    type: v.literal("generation.attention"),
    step: count,
    /**
     * Weight of each class of tokens, mean over heads and places of a layer, then over layers; they sum
     * to 1. `eos` is the first [EOS] and the padding behind it.
     */
    shares: v.object({ sos: v.number(), semantic: v.number(), eos: v.number() }),
    /** In the plan's `map_steps`. */
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
       * Per such step, F1 of the edges of maps and image relative to the last one's, mean over semantic
       * tokens; null where none agrees with the image.
       */
      relative_f1: v.array(ratio),
      level: v.number(),
      /** The first step from which on it never falls below the level; null where none is. */
      reached: v.nullable(count),
    }),
  }),
  /** Norms with the Fourier transform normalised by 1/(MN), over channels and the band's bins. */
  v.object({
    type: v.literal("generation.frequency"),
    step: count,
    /** Of the latents as the model saw them in this step. */
    x: bands,
    /** Of the predicted x0. */
    x0: bands,
  }),
  v.object({
    type: v.literal("generation.frequency_summary"),
    /** Part of the bins asked to be low, and the bins of a channel that are. */
    low_fraction: v.number(),
    bins: v.object({ low: count, high: count }),
    /** What standard normal noise has, expected. */
    noise: bands,
    /** Of the final latents. */
    final: bands,
    /** Per step `|x - final| / |final|` in each band, of x and of the predicted x0. */
    variation: v.array(v.object({ step: count, x: bandRatios, x0: bandRatios })),
  }),
  /** In a guided step. */
  v.object({
    type: v.literal("generation.guidance"),
    step: count,
    /** |uncond| / sqrt(n) over the n values. */
    unconditional_norm: v.number(),
    /** |w (cond - uncond)| / sqrt(n) */
    guidance_norm: v.number(),
    /** Of the angle between the two predictions. */
    cosine: v.number(),
  }),
] as const;
