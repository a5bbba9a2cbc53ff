/** Lists which prompts are drawn with which seeds. Pure. */
import { type EvaluationPrompt, isPair } from "../../prompts/evaluation_prompt.ts";
import type { References } from "../../references/references.ts";

/** Number of seeds of the prompts for variety and near copies. */
export const SERIES_SEEDS = 16;

export interface PromptSeed {
  readonly prompt: string;
  readonly seed: number;
}

export interface DrawingList {
  readonly prompts: readonly EvaluationPrompt[];
  /** Number of seeds for each prompt, from 0 on. */
  readonly seeds: number;
  /** Prompts that have real renders to compare with; each is drawn with `SERIES_SEEDS` seeds. */
  readonly series: readonly string[];
}

/** @param limit how many prompts of one object, of two, and of the series; null for all */
export function listDrawings(
  prompts: readonly EvaluationPrompt[],
  { variety, training }: References,
  { seeds, limit }: { readonly seeds: number; readonly limit: number | null },
): DrawingList {
  const first = <T>(all: readonly T[]) => all.slice(0, limit ?? all.length);
  const ofSeries = [...variety, ...training.prompts].map(({ prompt }) => prompt);
  return {
    prompts: [
      ...first(prompts.filter((prompt) => !isPair(prompt))),
      ...first(prompts.filter(isPair)),
    ],
    seeds,
    series: first([...new Set(ofSeries)]),
  };
}

/** Returns each drawing once, in the order in which the report needs them. */
export function drawingsOf({ prompts, seeds, series }: DrawingList): PromptSeed[] {
  const all = [
    ...prompts.flatMap(({ text }) => seedsOf(text, seeds)),
    ...series.flatMap((prompt) => seedsOf(prompt, SERIES_SEEDS)),
  ];
  return [...new Map(all.map((drawing) => [keyOf(drawing), drawing])).values()];
}

export function seedsOf(prompt: string, seeds: number): PromptSeed[] {
  return Array.from({ length: seeds }, (_, seed) => ({ prompt, seed }));
}

export function keyOf({ prompt, seed }: PromptSeed): string {
  return `${seed} ${prompt}`;
}
