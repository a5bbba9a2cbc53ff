/** The steps of a run: at which timesteps and noise levels it asks the model, and where it starts. */

export interface RunLength {
  /** Steps of the whole way from pure noise to the image. */
  readonly num_inference_steps: number;
  /** The first step of this run, 0-based from the noise; at step 0 it starts from pure noise. */
  readonly start: number;
}

/**
 * A schedule always holds the whole way, wherever the run starts, so that a step keeps its number and
 * its levels, and a solver still knows which step is the last.
 */
interface Steps {
  /** The model's timestep of each step; may be fractional. */
  readonly timesteps: readonly number[];
  readonly start: number;
}

/** Noise levels as σ, the ratio of noise to signal; on a flow's path σ is the part of noise itself. */
export interface SigmaSchedule extends Steps {
  /** One more than timesteps: the last is where the run ends. */
  readonly sigmas: readonly number[];
}

/** Noise levels as ᾱ, which a sampler looks up by timestep (`alphaAt`). */
export interface AlphaSchedule extends Steps {
  /** ᾱ of each training timestep. */
  readonly alphas: Float64Array;
  /** ᾱ where the run ends, before timestep 0. */
  readonly finalAlpha: number;
  /**
   * The number of training timesteps that a step goes back. diffusers keeps to it even where rounding
   * put the next timestep elsewhere, so that is part of the numbers.
   */
  readonly stride: number;
}

export type Schedule = SigmaSchedule | AlphaSchedule;

/** @throws RangeError when the whole way has no such step */
export function startOf({ num_inference_steps, start }: RunLength): number {
  if (Number.isInteger(start) && start >= 0 && start < num_inference_steps) return start;
  const allowed = `an integer from 0 to ${num_inference_steps - 1}`;
  throw new RangeError(`start must be ${allowed}, given ${start}`);
}

/** The steps of the run with their timesteps, from its start on. */
export function stepsOf({ timesteps, start }: Schedule): [step: number, timestep: number][] {
  return [...timesteps.entries()].slice(start);
}
