/** What a run may show of its inside. No insight changes the image. */

export const INSIGHTS = ["attention", "frequency", "guidance"] as const;

export type Insight = (typeof INSIGHTS)[number];

/** Those that any model can give; attention needs taps in the package. */
export const INSIGHTS_WITHOUT_TAPS: readonly Insight[] = ["frequency", "guidance"];

export interface InsightOptions {
  /** Part of the spectrum's bins that counts as low: those nearest to frequency 0. */
  readonly low_fraction: number;
  /** Part of the last step's agreement with the image from which attention counts as converged. */
  readonly convergence_level: number;
}

export const INSIGHT_DEFAULTS: InsightOptions = {
  /** The paper's high band holds 80 % of the spectrum (section 4.2). */
  low_fraction: 0.2,
  convergence_level: 0.9,
};
