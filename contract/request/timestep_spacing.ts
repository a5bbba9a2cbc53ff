/** How a run spaces the model's timesteps (Lin et al. 2023, table 2); names are those of diffusers. */
export const TIMESTEP_SPACINGS = ["leading", "linspace", "trailing"] as const;
export type TimestepSpacing = (typeof TIMESTEP_SPACINGS)[number];
