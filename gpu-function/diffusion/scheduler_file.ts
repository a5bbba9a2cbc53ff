/**
 * Reads diffusers' `scheduler_config.json`: the noise schedule that the model was trained with, the
 * name of the file's own sampler, and options for whichever sampler a run chooses. A field that would
 * change the numbers and is not supported is refused; others are passed over by name.
 */
import { SAMPLERS } from "./samplers/registry.ts";
import type { Sampler, SchedulerClass } from "./samplers/sampler.ts";
import type { SchedulerConfig } from "./scheduler_config.ts";

interface OwnSampler extends SchedulerClass {
  readonly sampler: Sampler;
}

/** The classes of diffusers that have their sampler here. */
const CLASSES: readonly OwnSampler[] = [...SAMPLERS.values()].flatMap((sampler) =>
  sampler.scheduler ? [{ ...sampler.scheduler, sampler }] : []
);

/** Fields that change the numbers of some sampler, with the only value supported so far. */
const NEUTRAL: Readonly<Record<string, unknown>> = {
  trained_betas: null,
  thresholding: false,
  interpolation_type: "linear",
  timestep_type: "discrete",
  sigma_min: null,
  sigma_max: null,
  lambda_min_clipped: -Infinity,
  solver_p: null,
  use_exponential_sigmas: false,
  use_beta_sigmas: false,
  use_lu_lambdas: false,
  use_flow_sigmas: false,
  use_dynamic_shifting: false,
  shift_terminal: null,
  invert_sigmas: false,
  stochastic_sampling: false,
};

const USED = [
  "num_train_timesteps",
  "beta_start",
  "beta_end",
  "beta_schedule",
  "rescale_betas_zero_snr",
  "prediction_type",
  "timestep_spacing",
  "steps_offset",
  "set_alpha_to_one",
  "clip_sample",
  "clip_sample_range",
  "use_karras_sigmas",
  "final_sigmas_type",
  "lower_order_final",
  "euler_at_final",
  "shift",
];

/** Options of one class, which its sampler's record checks and the other samplers do not read. */
const OF_ONE_CLASS = CLASSES.flatMap(({ only }) => Object.keys(only ?? {}));

/** Without effect as long as the fields above have their supported values. */
const PASSED_OVER = [
  "_class_name",
  "_diffusers_version",
  "base_image_seq_len",
  "base_shift",
  "dynamic_thresholding_ratio",
  "flow_shift",
  "max_image_seq_len",
  "max_shift",
  "sample_max_value",
  "time_shift_type",
  "variance_type",
];

const BETA_SCHEDULES = ["linear", "scaled_linear", "squaredcos_cap_v2"] as const;
const PREDICTION_TYPES = ["epsilon", "v_prediction", "sample"] as const;
const SPACINGS = ["leading", "trailing", "linspace"] as const;
const FINAL_SIGMAS = ["zero", "sigma_min"] as const;

/**
 * Betas and prediction type that the file lacks take its own class's defaults; a file without a class
 * is a DDIMScheduler's.
 * @throws RangeError naming the field, what is supported and what the file has
 */
export function parseSchedulerConfig(json: unknown): SchedulerConfig {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new RangeError("scheduler_config must be a JSON object");
  }
  const given: Fields = new Map<string, unknown>(Object.entries(json));
  const { sampler, only = {}, defaults = {} } = ownSampler(given);
  const fields = withDefaults(given, defaults);
  refuseUnsupported(fields, only);
  const config = {
    ...parseNoiseSchedule(fields),
    ...parseOptions(fields),
    ...(sampler.predictions.includes("flow") ? { prediction_type: "flow" as const } : {}),
  };
  refuseCombinations(config, fields);
  return { sampler: sampler.name, ...config };
}

type Fields = ReadonlyMap<string, unknown>;

function ownSampler(fields: Fields): OwnSampler {
  const names = [...new Set(CLASSES.map(({ name }) => name))];
  const className = oneOf(fields, "_class_name", names) ?? "DDIMScheduler";
  const ofClass = CLASSES.filter(({ name }) => name === className);
  const isKarras = fields.get("use_karras_sigmas") === true;
  return ofClass.find(({ karras }) => karras === isKarras) ?? ofClass[0]!;
}

/** The class's defaults where the file has nothing, or null. */
function withDefaults(fields: Fields, defaults: Readonly<Record<string, unknown>>): Fields {
  const lacking = Object.entries(defaults).filter(([field]) =>
    (fields.get(field) ?? null) === null
  );
  return new Map([...fields, ...lacking]);
}

function parseNoiseSchedule(fields: Fields) {
  return {
    num_train_timesteps: integer(fields, "num_train_timesteps", { or: 1000, min: 1 }),
    beta_start: number(fields, "beta_start", { or: 0.0001, min: 0 }),
    beta_end: number(fields, "beta_end", { or: 0.02, min: 0 }),
    beta_schedule: oneOf(fields, "beta_schedule", BETA_SCHEDULES) ?? "linear",
    rescale_betas_zero_snr: boolean(fields, "rescale_betas_zero_snr") ?? false,
    prediction_type: oneOf(fields, "prediction_type", PREDICTION_TYPES) ?? "epsilon",
  };
}

function parseOptions(fields: Fields) {
  return {
    timestep_spacing: oneOf(fields, "timestep_spacing", SPACINGS),
    steps_offset: integer(fields, "steps_offset", { or: 0, min: 0 }),
    set_alpha_to_one: boolean(fields, "set_alpha_to_one"),
    clip_sample: boolean(fields, "clip_sample"),
    clip_sample_range: number(fields, "clip_sample_range", { or: 1, min: 0 }),
    use_karras_sigmas: boolean(fields, "use_karras_sigmas") ?? false,
    final_sigmas_type: oneOf(fields, "final_sigmas_type", FINAL_SIGMAS) ?? "zero",
    lower_order_final: boolean(fields, "lower_order_final") ?? true,
    euler_at_final: boolean(fields, "euler_at_final") ?? false,
    shift: positive(fields, "shift", 1),
  };
}

function refuseUnsupported(fields: Fields, only: Readonly<Record<string, unknown>>): void {
  const known = [...Object.keys(NEUTRAL), ...USED, ...OF_ONE_CLASS, ...PASSED_OVER];
  for (const [field, value] of fields) {
    if (!known.includes(field)) {
      throw refusal(field, "absent, since its meaning is not known here", value);
    }
    if (field in NEUTRAL && value !== null && value !== NEUTRAL[field]) {
      throw refusal(field, show(NEUTRAL[field]), value);
    }
  }
  for (const [field, supported] of Object.entries(only)) {
    // diffusers' default is the supported value where the record has no other.
    const value = fields.get(field) ?? supported;
    if (show(value) !== show(supported)) throw refusal(field, show(supported), value);
  }
}

function refuseCombinations(
  { rescale_betas_zero_snr, prediction_type, use_karras_sigmas }: Omit<SchedulerConfig, "sampler">,
  fields: Fields,
): void {
  if (rescale_betas_zero_snr && prediction_type === "epsilon") {
    const allowed =
      "v_prediction or sample with rescale_betas_zero_snr only, since ε says nothing of x0 in pure noise";
    throw refusal("prediction_type", allowed, prediction_type);
  }
  if (prediction_type !== "flow") return;
  if (use_karras_sigmas) throw refusal("use_karras_sigmas", "false for a flow schedule", true);
  const stray = fields.get("prediction_type");
  if (stray !== undefined) throw refusal("prediction_type", "absent for a flow schedule", stray);
}

/** As JSON, but for the infinity that Python writes into it. */
function show(value: unknown): string {
  return value === -Infinity ? "-Infinity" : JSON.stringify(value);
}

function refusal(field: string, allowed: string, given: unknown): RangeError {
  return new RangeError(`scheduler_config.${field} must be ${allowed}, given ${show(given)}`);
}

interface Bound {
  readonly or: number;
  readonly min: number;
}

function number(fields: Fields, field: string, { or, min }: Bound): number {
  const value = fields.get(field) ?? or;
  if (typeof value === "number" && Number.isFinite(value) && value >= min) return value;
  throw refusal(field, `a number from ${min}`, value);
}

function positive(fields: Fields, field: string, or: number): number {
  const value = number(fields, field, { or, min: 0 });
  if (value > 0) return value;
  throw refusal(field, "a number above 0", value);
}

function integer(fields: Fields, field: string, bound: Bound): number {
  const value = number(fields, field, bound);
  if (Number.isInteger(value)) return value;
  throw refusal(field, `an integer from ${bound.min}`, value);
}

function boolean(fields: Fields, field: string): boolean | undefined {
  const value = fields.get(field) ?? undefined;
  if (value === undefined || typeof value === "boolean") return value;
  throw refusal(field, "true or false", value);
}

function oneOf<T extends string>(
  fields: Fields,
  field: string,
  allowed: readonly T[],
): T | undefined {
  const value = fields.get(field);
  if (value === undefined) return undefined;
  const known = allowed.find((name) => name === value);
  if (known === undefined) throw refusal(field, `one of ${allowed.join(", ")}`, value);
  return known;
}
