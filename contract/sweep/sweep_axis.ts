/** What can be varied: the whole cutoff, its tail alone, or the window of the [EOS] swap. */
export const SWEEP_AXES = ["cutoffs", "tails", "eos_windows"] as const;
export type SweepAxis = typeof SWEEP_AXES[number];
