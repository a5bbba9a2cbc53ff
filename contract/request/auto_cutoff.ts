/** A cutoff that the run decides itself, within bounds, once text ceases to change the image. */

export interface AutoCutoffOptions {
  /**
   * Guidance ends after the first step in which it changes the predicted image by no more than this
   * share: |x0(guided) - x0(unconditional)| / |x0(guided)|, in latents.
   */
  readonly tolerance?: number | undefined;
  /** The least guided steps. */
  readonly min_steps?: number | undefined;
  /** The most guided steps; all of them by default. */
  readonly max_steps?: number | undefined;
}

/** Tuned by `deno task lab auto` on the prompts of the lab's tuning set. */
export const AUTO_CUTOFF_DEFAULTS = { tolerance: 0.5, min_fraction: 0.1 } as const;
