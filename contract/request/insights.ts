/** What a run may show of its inside. No insight changes the image. */
import * as v from "valibot";
import type { DeepReadonly } from "../wire_schema.ts";

export const INSIGHTS = ["attention", "frequency", "guidance"] as const;

export type Insight = (typeof INSIGHTS)[number];

/** Insights that any model can give. Attention needs taps in the package. */
export const INSIGHTS_WITHOUT_TAPS: readonly Insight[] = ["frequency", "guidance"];

export const insightOptions = v.object({
  /** Share of the spectrum's bins that counts as low: those nearest to frequency 0. */
  low_fraction: v.number(),
  /** Share of the last step's agreement with the image at which attention counts as converged. */
  convergence_level: v.number(),
});

export type InsightOptions = DeepReadonly<v.InferOutput<typeof insightOptions>>;

export const INSIGHT_DEFAULTS: InsightOptions = {
  /** The paper's high band holds 80 % of the spectrum (section 4.2). */
  low_fraction: 0.2,
  convergence_level: 0.9,
};
