/** A cutoff that the run itself decides, between bounds, when the text has ceased to change the image. */

export interface AutoCutoffOptions {
  /**
   * The text is dropped after the first step in which guidance changes the predicted image by no more
   * than this share of it: |x0(guided) - x0(unconditional)| / |x0(guided)|, in latents.
   */
  readonly tolerance?: number | undefined;
  /** Guided steps at least, and at most; the most is all of them by default. */
  readonly min_steps?: number | undefined;
  readonly max_steps?: number | undefined;
}

/** Tuned on prompts of the laboratory's tuning set: `deno task lab auto`. */
export const AUTO_CUTOFF_DEFAULTS = { tolerance: 0.5, min_fraction: 0.1 } as const;
