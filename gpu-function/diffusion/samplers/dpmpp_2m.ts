/**
 * DPM-Solver++ 2M (Lu et al. 2022, algorithm 2), the multistep solver of second order on the predicted
 * image. Numbers of diffusers' DPMSolverMultistepScheduler with `dpmsolver++` and `midpoint`.
 */
import { type Latents, weightedSum } from "../latents.ts";
import { levelOfSigma, PARAMETERIZATIONS } from "../parameterization.ts";
import { type SigmaSchedule, stepsOf } from "../schedules/schedule.ts";
import { solverSchedule } from "../schedules/sigma_schedule.ts";
import {
  DIFFUSION_PREDICTIONS,
  ONCE,
  onSigmas,
  type Sampler,
  type SchedulerClass,
} from "./sampler.ts";
import type { Sampling, SamplingOptions } from "./sampling.ts";
import { preservingSigmas } from "./start_level.ts";

const SCHEDULER: SchedulerClass = {
  name: "DPMSolverMultistepScheduler",
  only: { solver_order: 2, algorithm_type: "dpmsolver++", solver_type: "midpoint" },
};

/** On the timesteps of the file's spacing, whatever it says of Karras' sigmas. */
export const DPMPP_2M: Sampler = {
  name: "dpmpp_2m",
  scheduler: { ...SCHEDULER, karras: false },
  ...onSigmas({ sample, startLevel: preservingSigmas }),
  schedule: (config, length) => solverSchedule({ ...config, use_karras_sigmas: false }, length),
  predictions: DIFFUSION_PREDICTIONS,
  zeroSnr: true,
  calls: ONCE,
  multistep: true,
  order: 2,
};

/** The same method on Karras' sigmas, over the range of the training schedule. */
export const DPMPP_2M_KARRAS: Sampler = {
  ...DPMPP_2M,
  name: "dpmpp_2m_karras",
  scheduler: { ...SCHEDULER, karras: true },
  schedule: (config, length) => solverSchedule({ ...config, use_karras_sigmas: true }, length),
};

/** First order in the run's first step, and in the last one where the file says so. */
function* sample(x: Latents, schedule: SigmaSchedule, { config }: SamplingOptions): Sampling {
  const { predictX0 } = PARAMETERIZATIONS[config.prediction_type];
  const { sigmas } = schedule;
  const count = schedule.timesteps.length;
  const lowersLast = config.final_sigmas_type === "zero" || config.euler_at_final ||
    (config.lower_order_final && count < 15);
  let before: Latents | undefined;
  for (const [step, timestep] of stepsOf(schedule)) {
    const from = levelOfSigma(sigmas[step]!);
    const to = levelOfSigma(sigmas[step + 1]!);
    const point = { x, ...from };
    const output = yield { x, timestep, step, predictX0: (output) => predictX0(output, point) };
    const x0 = predictX0(output, point);
    // h, the step in λ = log(signal / noise) = -log σ; infinite when it ends at σ = 0.
    const h = Math.log(sigmas[step]! / sigmas[step + 1]!);
    const gain = -to.signal * Math.expm1(-h);
    const isFirstOrder = before === undefined || (lowersLast && step === count - 1);
    const ratio = isFirstOrder ? 0 : h / (2 * Math.log(sigmas[step - 1]! / sigmas[step]!));
    x = weightedSum([
      [to.noise / from.noise, x],
      [gain * (1 + ratio), x0],
      [-gain * ratio, before ?? x0],
    ]);
    before = x0;
  }
  return x;
}
