/** What a run has shown of its inside so far. Pure. */
import type { GenerationEventOf } from "../../contract/events/generation_event.ts";
import type { TokenMaps } from "../../contract/events/insight_event.ts";

export type InsightEvent = GenerationEventOf<
  | "generation.attention"
  | "generation.attention_summary"
  | "generation.frequency"
  | "generation.frequency_summary"
  | "generation.guidance"
>;

export interface InsightView {
  /** In the order of steps, like the two lists below. */
  readonly attention: readonly GenerationEventOf<"generation.attention">[];
  readonly frequency: readonly GenerationEventOf<"generation.frequency">[];
  readonly guidance: readonly GenerationEventOf<"generation.guidance">[];
  readonly attentionSummary: GenerationEventOf<"generation.attention_summary"> | null;
  readonly frequencySummary: GenerationEventOf<"generation.frequency_summary"> | null;
}

export const NO_INSIGHTS: InsightView = {
  attention: [],
  frequency: [],
  guidance: [],
  attentionSummary: null,
  frequencySummary: null,
};

export function reduceInsight(view: InsightView, event: InsightEvent): InsightView {
  switch (event.type) {
    case "generation.attention":
      return { ...view, attention: [...view.attention, event] };
    case "generation.frequency":
      return { ...view, frequency: [...view.frequency, event] };
    case "generation.guidance":
      return { ...view, guidance: [...view.guidance, event] };
    case "generation.attention_summary":
      return { ...view, attentionSummary: event };
    case "generation.frequency_summary":
      return { ...view, frequencySummary: event };
  }
}

/** The maps to show: their mean once it has come, else the newest. */
export function latestMaps({ attention, attentionSummary }: InsightView): TokenMaps | null {
  return attentionSummary?.maps ?? attention.findLast(({ maps }) => maps !== null)?.maps ?? null;
}
