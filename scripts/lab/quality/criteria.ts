/** Compares what was measured with what the embedded model has to reach. Pure. */
import type { Estimate } from "../statistics/estimate.ts";
import { showNumber, showShare } from "../report/shown_estimate.ts";
import type { QualityResult } from "./quality_result.ts";

export interface Criterion {
  readonly text: string;
  readonly measured: string;
  readonly met: boolean;
}

/** The judge must be right about this share of real renders. */
export const JUDGE_MIN = 0.97;
/** By chance, a new render is nearer than all of a prompt's 100 held-out ones in 1 of 101 cases. */
const CHANCE_OF_NEAR_COPY = 0.01;

export function judgeIsGoodEnough({ judge }: Pick<QualityResult, "judge">): boolean {
  return judge.single.object.value >= JUDGE_MIN && judge.single.colour.value >= JUDGE_MIN;
}

export function criteriaOf(result: QualityResult): Criterion[] {
  return [...ofJudge(result), ...ofDrawn(result), ...ofVariety(result), ...ofLatency(result)];
}

export function criterionLine({ text, measured, met }: Criterion): string {
  return `${met ? "met" : "NOT MET"}: ${text}; measured ${measured}`;
}

function ofJudge(
  { judge: { single, false_agreement, retrieval_mixed } }: QualityResult,
): Criterion[] {
  const unrelated: readonly [string, Estimate][] = [
    ["noise", false_agreement.noise],
    ["plain images", false_agreement.plain],
    ["another object", false_agreement.other_noun],
  ];
  return [
    atLeast("judge: object right on real renders", JUDGE_MIN, single.object),
    atLeast("judge: colour right on real renders", JUDGE_MIN, single.colour),
    ...unrelated.map(([what, share]) => ({
      text: `judge: takes ${what} for what was asked in at most 3 %`,
      measured: showShare(share),
      met: share.value <= 0.03,
    })),
    // A pool should be drawn at random, but the sheet has singles first, so the mixed pools count.
    atLeast("retrieval: text to image, R@1 of 100", 0.8, retrieval_mixed.text_to_image),
    atLeast("retrieval: image to text, R@1 of 100", 0.8, retrieval_mixed.image_to_text),
  ];
}

function ofDrawn({ drawn: { single, pair }, asked, model }: QualityResult): Criterion[] {
  return [
    {
      text: "at least 100 objects x 10 colours asked for, at 128x128",
      measured: `${asked.objects} x ${asked.colours}, at ${model.width}x${model.height}`,
      met: asked.objects >= 100 && asked.colours >= 10 && model.width === 128 &&
        model.height === 128,
    },
    atLeast("one object: object right", 0.9, single.object),
    atLeast("one object: colour right", 0.97, single.colour),
    atLeast("two objects: both right", 0.6, pair.both_objects),
    atLeast("two objects: relation right of those", 0.6, pair.relation_of_both),
    atLeast("two objects, trained on an accelerator: both right", 0.85, pair.both_objects),
    atLeast(
      "two objects, trained on an accelerator: relation right of those",
      0.85,
      pair.relation_of_both,
    ),
  ];
}

function ofVariety({ variety, near_copies: { nearer } }: QualityResult): Criterion[] {
  return [
    {
      text: "variety over seeds: pixel distance at least half of that among real renders",
      measured: showNumber(variety.pixel_ratio),
      met: variety.pixel_ratio.value >= 0.5,
    },
    {
      text: "near copies of training renders: no more than chance, 1 %, within the interval",
      measured: showShare(nearer),
      met: nearer.low <= CHANCE_OF_NEAR_COPY,
    },
  ];
}

function ofLatency({ latency }: QualityResult): Criterion[] {
  const here = `on ${latency.cores} cores, load average ${latency.load_average.toFixed(1)}`;
  const below = (what: string, value: number, [limit, unit]: readonly [number, string]) => ({
    text: `${what}: at most ${limit} ${unit}`,
    measured: `${value.toFixed(1)} ${unit} ${here}`,
    met: value <= limit,
  });
  return [
    below("U-Net row", latency.unet_row_ms, [30, "ms"]),
    below("VAE decode", latency.vae_decode_ms, [60, "ms"]),
    below("50 steps with cutoff 0.5", latency.cutoff_run_ms, [3000, "ms"]),
    below("peak memory", latency.peak_rss_mb, [500, "MB"]),
  ];
}

function atLeast(what: string, limit: number, share: Estimate): Criterion {
  return {
    text: `${what} in at least ${Math.round(100 * limit)} %`,
    measured: showShare(share),
    // NaN, from nothing measured, meets no limit.
    met: share.value >= limit,
  };
}
