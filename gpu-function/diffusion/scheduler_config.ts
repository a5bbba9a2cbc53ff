/**
 * diffusers' `scheduler_config.json` as a closed type. A field that would change the numbers and is not
 * supported is refused; a field that only other samplers read is passed over by name.
 */
import type { BetaSchedule } from "./noise_schedule.ts";
import type { PredictionType } from "./parameterization.ts";
import type { TimestepSpacing } from "./timesteps.ts";

export interface SchedulerConfig {
  readonly num_train_timesteps: number;
  readonly beta_start: number;
  readonly beta_end: number;
  readonly beta_schedule: BetaSchedule;
  readonly prediction_type: PredictionType;
  readonly timestep_spacing: TimestepSpacing;
  readonly steps_offset: number;
  /** Whether the step after the last timestep is free of noise, or as noisy as timestep 0. */
  readonly set_alpha_to_one: boolean;
  /** Bound on the predicted x0, or null for none. */
  readonly clip_sample_range: number | null;
}

const BETA_SCHEDULES = ["linear", "scaled_linear", "squaredcos_cap_v2"] as const;
const PREDICTION_TYPES = ["epsilon", "v_prediction", "sample"] as const;
const SPACINGS = ["leading", "trailing", "linspace"] as const;

/** Fields that change the numbers, with the only value supported so far. */
const NEUTRAL: Readonly<Record<string, unknown>> = {
  trained_betas: null,
  thresholding: false,
  rescale_betas_zero_snr: false,
};

const USED = [
  "num_train_timesteps",
  "beta_start",
  "beta_end",
  "beta_schedule",
  "prediction_type",
  "timestep_spacing",
  "steps_offset",
  "set_alpha_to_one",
  "clip_sample",
  "clip_sample_range",
];

/** Fields of diffusers' other schedulers that a DDIM run made from the same file does not read. */
const PASSED_OVER = [
  "_class_name",
  "_diffusers_version",
  "algorithm_type",
  "dynamic_thresholding_ratio",
  "euler_at_final",
  "final_sigmas_type",
  "interpolation_type",
  "lambda_min_clipped",
  "lower_order_final",
  "sample_max_value",
  "sigma_max",
  "sigma_min",
  "skip_prk_steps",
  "solver_order",
  "solver_type",
  "timestep_type",
  "use_beta_sigmas",
  "use_exponential_sigmas",
  "use_flow_sigmas",
  "use_karras_sigmas",
  "use_lu_lambdas",
  "variance_type",
];

/**
 * Absent fields take the defaults of diffusers' DDIMScheduler.
 * @throws RangeError naming the field, what is supported and what the file has
 */
export function parseSchedulerConfig(json: unknown): SchedulerConfig {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new RangeError("scheduler_config must be a JSON object");
  }
  const fields = new Map<string, unknown>(Object.entries(json));
  refuseUnsupported(fields);
  const clip = boolean(fields, "clip_sample", true);
  const clipRange = number(fields, "clip_sample_range", { or: 1, min: 0 });
  return {
    num_train_timesteps: integer(fields, "num_train_timesteps", { or: 1000, min: 1 }),
    beta_start: number(fields, "beta_start", { or: 0.0001, min: 0 }),
    beta_end: number(fields, "beta_end", { or: 0.02, min: 0 }),
    beta_schedule: oneOf(fields, "beta_schedule", BETA_SCHEDULES) ?? "linear",
    prediction_type: oneOf(fields, "prediction_type", PREDICTION_TYPES) ?? "epsilon",
    timestep_spacing: oneOf(fields, "timestep_spacing", SPACINGS) ?? "leading",
    steps_offset: integer(fields, "steps_offset", { or: 0, min: 0 }),
    set_alpha_to_one: boolean(fields, "set_alpha_to_one", true),
    clip_sample_range: clip ? clipRange : null,
  };
}

function refuseUnsupported(fields: ReadonlyMap<string, unknown>): void {
  for (const [field, value] of fields) {
    if (field in NEUTRAL) {
      if (value !== NEUTRAL[field]) throw refusal(field, JSON.stringify(NEUTRAL[field]), value);
    } else if (!USED.includes(field) && !PASSED_OVER.includes(field)) {
      throw refusal(field, "absent, since its meaning is not known here", value);
    }
  }
}

function refusal(field: string, allowed: string, given: unknown): RangeError {
  return new RangeError(
    `scheduler_config.${field} must be ${allowed}, given ${JSON.stringify(given)}`,
  );
}

interface Bound {
  readonly or: number;
  readonly min: number;
}

function number(fields: ReadonlyMap<string, unknown>, field: string, { or, min }: Bound): number {
  const value = fields.get(field) ?? or;
  if (typeof value === "number" && Number.isFinite(value) && value >= min) return value;
  throw refusal(field, `a number from ${min}`, value);
}

function integer(fields: ReadonlyMap<string, unknown>, field: string, bound: Bound): number {
  const value = number(fields, field, bound);
  if (Number.isInteger(value)) return value;
  throw refusal(field, `an integer from ${bound.min}`, value);
}

function boolean(fields: ReadonlyMap<string, unknown>, field: string, or: boolean): boolean {
  const value = fields.get(field) ?? or;
  if (typeof value === "boolean") return value;
  throw refusal(field, "true or false", value);
}

function oneOf<T extends string>(
  fields: ReadonlyMap<string, unknown>,
  field: string,
  allowed: readonly T[],
): T | undefined {
  const value = fields.get(field);
  if (value === undefined) return undefined;
  const known = allowed.find((name) => name === value);
  if (known === undefined) throw refusal(field, `one of ${allowed.join(", ")}`, value);
  return known;
}
