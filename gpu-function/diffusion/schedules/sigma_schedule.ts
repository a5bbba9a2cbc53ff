/**
 * Noise levels of a run as σ = sqrt((1 - ᾱ) / ᾱ), from the noise down. Numbers follow diffusers to the
 * rounding: its tables are float32, its interpolation float64.
 */
import { alphasCumprod, type BetaOptions } from "./noise_schedule.ts";
import { type RunLength, type SigmaSchedule, startOf } from "./schedule.ts";
import {
  fractionalTimesteps,
  solverTimesteps,
  type TimestepOptions,
  type TimestepSpacing,
} from "./timesteps.ts";

export interface SigmaOptions extends BetaOptions, Omit<TimestepOptions, "timestep_spacing"> {
  readonly timestep_spacing: TimestepSpacing | undefined;
  readonly use_karras_sigmas: boolean;
  readonly final_sigmas_type: "zero" | "sigma_min";
}

/**
 * The schedule of diffusers' EulerDiscreteScheduler, EulerAncestralDiscreteScheduler and
 * HeunDiscreteScheduler, whose spacing is linspace where the file is silent.
 * @throws RangeError when the training schedule has no room for so many steps, or no such start
 */
export function discreteSchedule(options: SigmaOptions, length: RunLength): SigmaSchedule {
  const { num_inference_steps: count } = length;
  const { timestep_spacing = "linspace" } = options;
  const table = trainingSigmas(options);
  const grid = fractionalTimesteps(count, { ...options, timestep_spacing }).map(Math.fround);
  const start = startOf(length);
  const last = options.final_sigmas_type === "zero" ? 0 : table[0]!;
  const spaced = grid.map((timestep) => interpolate(table, timestep));
  if (!options.use_karras_sigmas) {
    return { timesteps: grid, sigmas: toFloat32([...spaced, last]), start };
  }
  const sigmas = karrasSigmas(count, { max: spaced[0]!, min: spaced.at(-1)! });
  const timesteps = toFloat32(timestepsOfSigmas(table, sigmas));
  return { timesteps, sigmas: toFloat32([...sigmas, last]), start };
}

/**
 * The schedule of diffusers' DPMSolverMultistepScheduler and UniPCMultistepScheduler: whole timesteps,
 * Karras' sigmas over the whole training range with rounded timesteps. (For the cosine schedule
 * DPM-Solver's class cuts fractions off instead, meets its first timestep twice and runs off its end.)
 * @throws RangeError when the training schedule has no room for so many steps, or no such start
 */
export function solverSchedule(options: SigmaOptions, length: RunLength): SigmaSchedule {
  const { num_inference_steps: count } = length;
  const { timestep_spacing = "linspace" } = options;
  const table = trainingSigmas(options);
  const grid = solverTimesteps(count, { ...options, timestep_spacing });
  const start = startOf(length);
  const last = options.final_sigmas_type === "zero" ? 0 : table[0]!;
  if (!options.use_karras_sigmas) {
    const sigmas = grid.map((timestep) => interpolate(table, timestep));
    return { timesteps: grid, sigmas: toFloat32([...sigmas, last]), start };
  }
  const sigmas = karrasSigmas(count, { max: table.at(-1)!, min: table[0]! });
  const timesteps = timestepsOfSigmas(table, sigmas).map(Math.round);
  return { timesteps, sigmas: toFloat32([...sigmas, last]), start };
}

/**
 * The schedule of diffusers' FlowMatchEulerDiscreteScheduler: σ falls evenly from 1 and is shifted
 * towards the noise by `shift` (Esser et al. 2024, eq. 23). Its constructor shifts the least σ once
 * and its schedule once more; both belong to the numbers.
 * @throws RangeError when there is no such start
 */
export function flowSchedule(
  { num_train_timesteps: n, shift }: {
    readonly num_train_timesteps: number;
    readonly shift: number;
  },
  length: RunLength,
): SigmaSchedule {
  const { num_inference_steps: count } = length;
  const shifted = (sigma: number) => shift * sigma / (1 + (shift - 1) * sigma);
  const least = shifted(1 / n);
  const step = count > 1 ? (1 - least) / (count - 1) : 0;
  const sigmas = Array.from({ length: count }, (_, i) => Math.fround(shifted(1 - i * step)));
  return {
    timesteps: sigmas.map((sigma) => Math.fround(sigma * n)),
    sigmas: [...sigmas, 0],
    start: startOf(length),
  };
}

/** σ of each training timestep, each operation rounded to float32 as torch does. */
export function trainingSigmas(options: BetaOptions): Float64Array {
  const alphas = alphasCumprod(options);
  // At ᾱ = 0 σ would be infinite; diffusers puts the smallest number of fp16 there.
  if (options.rescale_betas_zero_snr) alphas[alphas.length - 1] = 2 ** -24;
  return alphas.map((alpha) => Math.fround(Math.sqrt(Math.fround(Math.fround(1 - alpha) / alpha))));
}

/** Linear between the table's whole positions. */
function interpolate(table: Float64Array, position: number): number {
  const low = Math.min(Math.floor(position), table.length - 2);
  return table[low]! + (position - low) * (table[low + 1]! - table[low]!);
}

const RHO = 7;

/** Karras et al. 2022, eq. (5): σ^(1/ρ) falls evenly. */
function karrasSigmas(count: number, { max, min }: { max: number; min: number }): number[] {
  const from = max ** (1 / RHO);
  const to = min ** (1 / RHO);
  return Array.from({ length: count }, (_, i) => {
    const ramp = count === 1 ? 0 : i / (count - 1);
    return (from + ramp * (to - from)) ** RHO;
  });
}

/** The fractional timesteps that have these σ: linear in log σ between whole ones. */
function timestepsOfSigmas(table: Float64Array, sigmas: readonly number[]): number[] {
  const logs = table.map((sigma) => Math.fround(Math.log(sigma)));
  return sigmas.map((sigma) => {
    const log = Math.log(sigma);
    const below = logs.findLastIndex((value) => value <= log);
    const low = Math.min(Math.max(below, 0), logs.length - 2);
    const weight = (logs[low]! - log) / Math.fround(logs[low]! - logs[low + 1]!);
    const clipped = Math.min(Math.max(weight, 0), 1);
    return (1 - clipped) * low + clipped * (low + 1);
  });
}

function toFloat32(values: readonly number[]): number[] {
  return values.map(Math.fround);
}
