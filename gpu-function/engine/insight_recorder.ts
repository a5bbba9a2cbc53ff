/**
 * What a run shows of its inside, from its finished steps to the events that say so. Looks on and
 * changes nothing, so the image is the same with it and without.
 */
import type { GenerationEvent, GenerationEventOf, Plan } from "../../contract/mod.ts";
import type { FinishedStep } from "./denoising.ts";
import type { Latents } from "../diffusion/mod.ts";
import { luminanceOf, type RgbImage } from "../image/rgb.ts";
import {
  averageAttention,
  createFrequencyBands,
  type FrequencyBands,
  type MapGrid,
  measureGuidance,
  sumByClass,
  sumOf,
  trackConvergence,
  variationOf,
} from "../insights/mod.ts";
import { encodeTokenMaps } from "./token_maps.ts";

/** A step as far as insights look at it. */
export type ObservedStep = Pick<
  FinishedStep,
  "step" | "x" | "outputs" | "attention" | "predictX0"
>;

export interface InsightRecorder {
  /** Events of the step, in order of steps. */
  observe(step: ObservedStep): readonly GenerationEvent[];
  /** Events that need the end of the run. @param latents the final ones */
  conclude(latents: Latents, image: RgbImage): readonly GenerationEvent[];
}

/** Records what the plan asks for, be it nothing. */
export function createInsightRecorder(plan: Plan): InsightRecorder {
  const { names } = plan.insights;
  const recorders: readonly InsightRecorder[] = [
    ...(names.includes("attention") ? [recordAttention(plan)] : []),
    ...(names.includes("frequency") ? [recordFrequency(plan)] : []),
    ...(names.includes("guidance") ? [recordGuidance(plan)] : []),
  ];
  return {
    observe: (step) => recorders.flatMap((recorder) => recorder.observe(step)),
    conclude: (latents, image) =>
      recorders.flatMap((recorder) => recorder.conclude(latents, image)),
  };
}

function recordAttention({ insights, tokens, ...image }: Plan): InsightRecorder {
  const classes = tokens.prompt.map((token) => token.class);
  const positions = [...classes.keys()].filter((position) => classes[position] === "semantic");
  const convergence = trackConvergence(image);
  const steps: number[] = [];
  let sums: readonly MapGrid[] = [];
  return {
    observe({ step, x, attention }) {
      if (!attention) return [];
      const [, height = 0, width = 0] = x.shape;
      const { shares, maps } = averageAttention(attention, {
        latents: { width, height },
        positions,
      });
      steps.push(step);
      convergence.add(maps);
      sums = maps.map((map, i) => sumOf(map, sums[i]));
      const event: GenerationEventOf<"generation.attention"> = {
        type: "generation.attention",
        step,
        shares: sumByClass(shares, classes),
        maps: insights.map_steps.includes(step) ? encodeTokenMaps(maps, positions) : null,
      };
      return [event];
    },
    conclude(_, picture) {
      if (steps.length === 0) return [];
      const means = sums.map((sum) => ({ ...sum, data: sum.data.map((v) => v / steps.length) }));
      const found = convergence.finish(luminanceOf(picture), insights.convergence_level);
      const reached = found.reached === null ? null : steps[found.reached] ?? null;
      return [{
        type: "generation.attention_summary",
        maps: encodeTokenMaps(means, positions),
        convergence: { ...found, relative_f1: [...found.relative_f1], steps, reached },
      }];
    },
  };
}

/** Holds the latents of every step until the end is known. */
function recordFrequency({ insights: { low_fraction } }: Plan): InsightRecorder {
  const seen: { readonly step: number; readonly x: Latents; readonly x0: Latents }[] = [];
  let bands: FrequencyBands | undefined;
  return {
    observe({ step, x, predictX0 }) {
      bands ??= createFrequencyBands(x.shape, low_fraction);
      const x0 = predictX0();
      seen.push({ step, x, x0 });
      return [{
        type: "generation.frequency",
        step,
        x: bands.normsOf(x),
        x0: bands.normsOf(x0),
      }];
    },
    conclude(latents) {
      const all = bands ?? createFrequencyBands(latents.shape, low_fraction);
      return [{
        type: "generation.frequency_summary",
        low_fraction,
        bins: all.bins,
        noise: all.noise,
        final: all.normsOf(latents),
        variation: seen.map(({ step, x, x0 }) => ({
          step,
          x: variationOf(x, latents, all),
          x0: variationOf(x0, latents, all),
        })),
      }];
    },
  };
}

function recordGuidance({ guidance_scale }: Plan): InsightRecorder {
  return {
    observe({ step, outputs: [unconditional, conditional] }) {
      if (!unconditional || !conditional) return [];
      const terms = measureGuidance(unconditional, conditional, guidance_scale);
      return [{ type: "generation.guidance", step, ...terms }];
    },
    conclude: () => [],
  };
}
