/** What a model's scheduler file says, as a closed type. */
import type { PredictionType } from "./parameterization.ts";
import type { BetaSchedule } from "./schedules/noise_schedule.ts";
import type { TimestepSpacing } from "./schedules/timesteps.ts";

/**
 * Any sampler can be made from any file, by the rule of diffusers' `from_config`: a field that the
 * file has holds for every sampler that knows it, one that it lacks has that sampler's own default
 * (undefined here where the defaults differ).
 */
export interface SchedulerConfig {
  /** The wire name of the file's own sampler. */
  readonly sampler: string;
  readonly num_train_timesteps: number;
  readonly beta_start: number;
  readonly beta_end: number;
  readonly beta_schedule: BetaSchedule;
  readonly rescale_betas_zero_snr: boolean;
  readonly prediction_type: PredictionType;
  readonly timestep_spacing: TimestepSpacing | undefined;
  readonly steps_offset: number;
  /** Whether the step after the last timestep is free of noise, or as noisy as timestep 0. */
  readonly set_alpha_to_one: boolean | undefined;
  readonly clip_sample: boolean | undefined;
  /** Bound on the predicted x0 where it is clipped. */
  readonly clip_sample_range: number;
  readonly use_karras_sigmas: boolean;
  readonly final_sigmas_type: "zero" | "sigma_min";
  readonly lower_order_final: boolean;
  readonly euler_at_final: boolean;
  /** Shifts a flow schedule towards the noise. */
  readonly shift: number;
}
