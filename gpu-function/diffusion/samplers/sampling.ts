/** A sampler at work: a generator that asks for calls of the model and ends with the latents. */
import type { Latents } from "../latents.ts";
import type { SchedulerConfig } from "../scheduler_config.ts";

/** "Please call the model here." */
export interface DenoiserQuery {
  /** As the model sees it: a sampler that keeps its state at another scale has scaled it. */
  readonly x: Latents;
  /** The model's timestep on the training schedule; fractional where diffusers' is. */
  readonly timestep: number;
  /** 0-based from the noise, wherever the run started. A sampler may ask more than once in a step. */
  readonly step: number;
  /** What an output here says of the final image, as the sampler itself would use it. */
  predictX0(output: Latents): Latents;
}

/** Yields queries, receives the model's (guided) outputs, returns the final latents. */
export type Sampling = Generator<DenoiserQuery, Latents, Latents>;

export interface SamplingOptions {
  /** What the model predicts, and the file's options for solvers. */
  readonly config: SchedulerConfig;
  /** The next standard normal latents of the same shape. Only stochastic samplers draw, once a step. */
  readonly drawNoise: () => Latents;
}
