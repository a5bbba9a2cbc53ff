/** Noise levels of a run as ᾱ, in the float32 numbers of diffusers. */
import { alphasCumprod, type BetaOptions } from "./noise_schedule.ts";
import { type AlphaSchedule, type RunLength, startOf } from "./schedule.ts";
import { type TimestepOptions, timesteps, type TimestepSpacing } from "./timesteps.ts";

export interface AlphaOptions extends BetaOptions, Omit<TimestepOptions, "timestep_spacing"> {
  readonly timestep_spacing: TimestepSpacing | undefined;
  readonly set_alpha_to_one: boolean;
}

/**
 * The schedule of diffusers' DDIMScheduler and PNDMScheduler, whose spacing is leading where the file
 * is silent.
 * @throws RangeError when the training schedule has no room for so many steps, or no such start
 */
export function alphaSchedule(options: AlphaOptions, length: RunLength): AlphaSchedule {
  const { timestep_spacing = "leading", num_train_timesteps, set_alpha_to_one } = options;
  const { num_inference_steps } = length;
  const alphas = alphasCumprod(options);
  return {
    timesteps: timesteps(num_inference_steps, { ...options, timestep_spacing }),
    alphas,
    finalAlpha: set_alpha_to_one ? 1 : alphas[0]!,
    stride: Math.floor(num_train_timesteps / num_inference_steps),
    start: startOf(length),
  };
}

/** ᾱ at a whole timestep; before timestep 0 the run has ended. */
export function alphaAt({ alphas, finalAlpha }: AlphaSchedule, timestep: number): number {
  return alphas[timestep] ?? finalAlpha;
}
