/** The mathematics of denoising. Imports nothing: no clock, no chance, no platform. */
export * from "./guidance.ts";
export * from "./latents.ts";
export * from "./mt19937.ts";
export * from "./noise.ts";
export * from "./parameterization.ts";
export * from "./samplers/registry.ts";
export * from "./samplers/sampler.ts";
export * from "./samplers/sampling.ts";
export * from "./samplers/start_level.ts";
export * from "./scheduler_config.ts";
export * from "./scheduler_file.ts";
export * from "./schedules/alpha_schedule.ts";
export * from "./schedules/noise_schedule.ts";
export * from "./schedules/schedule.ts";
export * from "./schedules/sigma_schedule.ts";
export * from "./schedules/timesteps.ts";
