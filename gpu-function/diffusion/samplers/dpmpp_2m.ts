/**
 * DPM-Solver++ 2M (Lu et al. 2022, algorithm 2), the multistep solver of second order on the predicted
 * image. Numbers of diffusers' DPMSolverMultistepScheduler with `dpmsolver++` and `midpoint`.
 */
import { type Latents, weightedSum } from "../latents.ts";
import { levelOfSigma, PARAMETERIZATIONS } from "../parameterization.ts";
import { type SigmaSchedule, solverSchedule } from "../schedules/sigma_schedule.ts";
import type { SamplerOptions, Sampling } from "./sampling.ts";

/** On the timesteps of the file's spacing, whatever it says of Karras' sigmas. */
export function sampleDpmpp2m(noise: Latents, options: SamplerOptions): Sampling {
  const { config, num_inference_steps } = options;
  const schedule = solverSchedule(num_inference_steps, { ...config, use_karras_sigmas: false });
  return sample(noise, options, schedule);
}

/** On Karras' sigmas, over the range of the training schedule. */
export function sampleDpmpp2mKarras(noise: Latents, options: SamplerOptions): Sampling {
  const { config, num_inference_steps } = options;
  const schedule = solverSchedule(num_inference_steps, { ...config, use_karras_sigmas: true });
  return sample(noise, options, schedule);
}

function* sample(
  noise: Latents,
  { config }: SamplerOptions,
  { timesteps, sigmas }: SigmaSchedule,
): Sampling {
  const { predictX0 } = PARAMETERIZATIONS[config.prediction_type];
  const count = timesteps.length;
  const lowersLast = config.final_sigmas_type === "zero" || config.euler_at_final ||
    (config.lower_order_final && count < 15);
  let x = noise;
  let before: Latents | undefined;
  for (const [step, timestep] of timesteps.entries()) {
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
