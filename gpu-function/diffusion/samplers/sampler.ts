/** What a sampler is: how it steps, on which schedule, and what others need to know of it. */
import { type Latents, weightedSum } from "../latents.ts";
import type { NoiseLevel, PredictionType } from "../parameterization.ts";
import type { SchedulerConfig } from "../scheduler_config.ts";
import type { AlphaSchedule, RunLength, Schedule, SigmaSchedule } from "../schedules/schedule.ts";
import type { Sampling, SamplingOptions } from "./sampling.ts";

/** How a sampler goes along a schedule, and at which scale it keeps x. */
export interface Method<S extends Schedule> {
  /** Takes x from where the schedule starts to the final latents. */
  readonly sample: (x: Latents, schedule: S, options: SamplingOptions) => Sampling;
  /** How much of x is image and how much is noise where the schedule starts. */
  readonly startLevel: (schedule: S, config: SchedulerConfig) => NoiseLevel;
}

/** A class of diffusers' schedulers, as far as its files can be run. */
export interface SchedulerClass {
  readonly name: string;
  /** The supported value of each field that the class has for itself. */
  readonly only?: Readonly<Record<string, unknown>>;
  /** The class's defaults where they are not those of most classes. */
  readonly defaults?: Readonly<Record<string, unknown>>;
  /** Where two samplers share a class, which value of `use_karras_sigmas` means this one. */
  readonly karras?: boolean;
}

export interface Sampler extends Method<Schedule> {
  /** The wire's name for this method on this schedule. */
  readonly name: string;
  /** The class whose files mean this sampler; null where none does. */
  readonly scheduler: SchedulerClass | null;
  /** @throws RangeError when the training schedule has no room for so many steps, or no such start */
  readonly schedule: (config: SchedulerConfig, length: RunLength) => Schedule;
  /** The prediction types that diffusers' scheduler of this name supports. */
  readonly predictions: readonly PredictionType[];
  /** Whether that scheduler can rescale its betas; one that cannot would run on another schedule. */
  readonly zeroSnr: boolean;
  /** How often a step calls the model: at its start, or at both its ends. */
  readonly calls: (step: StepOfRun) => 1 | 2;
  /** Whether a step uses outputs of older steps; a run begins at a lower order, as it has none yet. */
  readonly multistep: boolean;
  /** Order of convergence to the probability-flow ODE; null where fresh noise leaves no one path. */
  readonly order: number | null;
}

export interface StepOfRun {
  readonly isFirst: boolean;
  readonly isLast: boolean;
}

/** What diffusers' schedulers support unless they say otherwise. */
export const DIFFUSION_PREDICTIONS: readonly PredictionType[] = [
  "epsilon",
  "v_prediction",
  "sample",
];

export const ONCE = () => 1 as const;

/** A method on schedules of σ as one that any schedule can be given. */
export function onSigmas({ sample, startLevel }: Method<SigmaSchedule>): Method<Schedule> {
  return {
    sample: (x, schedule, options) => sample(x, ofSigmas(schedule), options),
    startLevel: (schedule, config) => startLevel(ofSigmas(schedule), config),
  };
}

/** @throws TypeError when the schedule is one of ᾱ */
function ofSigmas(schedule: Schedule): SigmaSchedule {
  if ("sigmas" in schedule) return schedule;
  throw new TypeError("This sampler steps on σ and was given a schedule of ᾱ");
}

/** A method on schedules of ᾱ as one that any schedule can be given. */
export function onAlphas({ sample, startLevel }: Method<AlphaSchedule>): Method<Schedule> {
  return {
    sample: (x, schedule, options) => sample(x, ofAlphas(schedule), options),
    startLevel: (schedule, config) => startLevel(ofAlphas(schedule), config),
  };
}

/** @throws TypeError when the schedule is one of σ */
function ofAlphas(schedule: Schedule): AlphaSchedule {
  if ("alphas" in schedule) return schedule;
  throw new TypeError("This sampler steps on ᾱ and was given a schedule of σ");
}

/** The whole way, from standard normal noise at step 0. */
export function sampleFromNoise(
  { schedule, sample, startLevel }: Sampler,
  noise: Latents,
  options: SamplingOptions & { readonly num_inference_steps: number },
): Sampling {
  const { config, num_inference_steps } = options;
  const whole = schedule(config, { num_inference_steps, start: 0 });
  const { noise: scale } = startLevel(whole, config);
  return sample(scale === 1 ? noise : weightedSum([[scale, noise]]), whole, options);
}
