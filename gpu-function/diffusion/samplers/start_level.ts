/** How much of x is image and how much is noise where a run starts, by the scale at which x is kept. */
import { levelOfAlpha, levelOfSigma, type NoiseLevel } from "../parameterization.ts";
import type { SchedulerConfig } from "../scheduler_config.ts";
import { alphaAt } from "../schedules/alpha_schedule.ts";
import type { AlphaSchedule, SigmaSchedule } from "../schedules/schedule.ts";

const PURE_NOISE: NoiseLevel = { signal: 0, noise: 1 };

/** x has unit variance all the way, as the model sees it. */
export function preservingAlphas(schedule: AlphaSchedule): NoiseLevel {
  const { start, timesteps } = schedule;
  return start === 0 ? PURE_NOISE : levelOfAlpha(alphaAt(schedule, timesteps[start]!));
}

/** The same on σ. */
export function preservingSigmas({ start, sigmas }: SigmaSchedule): NoiseLevel {
  return start === 0 ? PURE_NOISE : levelOfSigma(sigmas[start]!);
}

/**
 * x is x0 + σ ε. Pure noise has diffusers' `init_noise_sigma`, which adds the image's unit variance
 * only for leading spacing.
 */
export function exploding(
  { start, sigmas }: SigmaSchedule,
  { timestep_spacing }: SchedulerConfig,
): NoiseLevel {
  const sigma = sigmas[start]!;
  if (start > 0) return { signal: 1, noise: sigma };
  return { signal: 0, noise: timestep_spacing === "leading" ? Math.sqrt(sigma ** 2 + 1) : sigma };
}
