/**
 * UniPC (Zhao et al. 2023), predictor and corrector of second order on the predicted image with
 * B(h) = e^h - 1 (bh2). Numbers of diffusers' UniPCMultistepScheduler as it is configured by default.
 */
import { combine, type Latents, weightedSum } from "../latents.ts";
import { levelOfSigma, PARAMETERIZATIONS } from "../parameterization.ts";
import { type SigmaSchedule, stepsOf } from "../schedules/schedule.ts";
import { solverSchedule } from "../schedules/sigma_schedule.ts";
import { DIFFUSION_PREDICTIONS, ONCE, onSigmas, type Sampler } from "./sampler.ts";
import type { Sampling, SamplingOptions } from "./sampling.ts";
import { preservingSigmas } from "./start_level.ts";

/** UniC raises the order of UniP, 2, by one (theorem 3.1 of the paper). */
export const UNIPC: Sampler = {
  name: "unipc",
  scheduler: {
    name: "UniPCMultistepScheduler",
    only: {
      solver_order: 2,
      solver_type: "bh2",
      predict_x0: true,
      lower_order_final: true,
      disable_corrector: [],
    },
  },
  ...onSigmas({ sample, startLevel: preservingSigmas }),
  schedule: solverSchedule,
  predictions: DIFFUSION_PREDICTIONS,
  zeroSnr: true,
  calls: ONCE,
  multistep: true,
  order: 3,
};

/** Where a step started: the corrected x, and the image that the model saw in its prediction. */
interface Start {
  readonly x: Latents;
  readonly x0: Latents;
  readonly sigma: number;
}

/** First order in the run's first step and in the last one. */
function* sample(x: Latents, schedule: SigmaSchedule, { config }: SamplingOptions): Sampling {
  const { predictX0 } = PARAMETERIZATIONS[config.prediction_type];
  const { timesteps, sigmas } = schedule;
  let starts: readonly Start[] = [];
  for (const [step, timestep] of stepsOf(schedule)) {
    const sigma = sigmas[step]!;
    const point = { x, ...levelOfSigma(sigma) };
    const output = yield { x, timestep, step, predictX0: (output) => predictX0(output, point) };
    const x0 = predictX0(output, point);
    const corrected = starts.length > 0 ? correct(starts, { x0, sigma }) : x;
    // The newest first.
    starts = [{ x: corrected, x0, sigma }, ...starts.slice(0, 1)];
    const isLast = step === timesteps.length - 1;
    x = predict(isLast ? starts.slice(0, 1) : starts, sigmas[step + 1]!);
  }
  return x;
}

/** UniP: from the newest start to the level of σ; the older one, if any, gives the slope of x0. */
function predict([start, older]: readonly Start[], sigma: number): Latents {
  const { base, gain, h } = firstOrder(start!, sigma);
  if (!older) return base;
  const r = -Math.log(older.sigma / start!.sigma) / h;
  return weightedSum([[1, base], [gain / (2 * r), older.x0], [-gain / (2 * r), start!.x0]]);
}

/** UniC: the same step once more, now that x0 at its end is known. */
function correct([start, older]: readonly Start[], end: Omit<Start, "x">): Latents {
  const { base, gain, h } = firstOrder(start!, end.sigma);
  const change = combine({ a: 1, b: -1 }, end.x0, start!.x0);
  if (!older) return combine({ a: 1, b: gain / 2 }, base, change);
  const r = -Math.log(older.sigma / start!.sigma) / h;
  const [ofOlder, ofEnd] = correctorWeights(h, r);
  return weightedSum([
    [1, base],
    [gain * ofOlder / r, older.x0],
    [-gain * ofOlder / r, start!.x0],
    [gain * ofEnd, change],
  ]);
}

/** DDIM's step in λ = -log σ, exact where x0 does not change. */
function firstOrder({ x, x0, sigma }: Start, toSigma: number) {
  const from = levelOfSigma(sigma);
  const to = levelOfSigma(toSigma);
  const h = Math.log(sigma / toSigma);
  const gain = -to.signal * Math.expm1(-h);
  return { base: combine({ a: to.noise / from.noise, b: gain }, x, x0), gain, h };
}

/** Theorem 3.1 of the paper for two points at r and 1 (in units of h): R(r) ρ = b. */
function correctorWeights(h: number, r: number): [older: number, end: number] {
  const b = Math.expm1(-h);
  const phi2 = b / -h - 1;
  const phi3 = phi2 / -h - 1 / 2;
  const older = (phi2 / b - 2 * phi3 / b) / (1 - r);
  return [older, phi2 / b - older];
}
