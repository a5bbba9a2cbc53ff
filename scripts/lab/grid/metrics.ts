/** Makes metrics of a grid from scorers. */
import { meanAbsolute } from "../statistics/distance.ts";
import type { Metric } from "./drawn_grid.ts";
import type { PromptPair } from "../prompts/prompt_pair.ts";
import type { TemplatePrompt } from "../prompts/prompt_set.ts";
import type { AlignmentScorer, SimilarityScorer } from "../scorers/alignment.ts";
import type { Classifier } from "../scorers/judge/classifier.ts";
import type { LaboratoryScorers } from "../laboratory/laboratory_scorers.ts";

/** Scores each image against a text of its subject, with one metric for each scorer. */
export function alignmentMetrics<Subject>(
  scorers: readonly AlignmentScorer[],
  what: string,
  textOf: (subject: Subject) => string,
): Metric<Subject>[] {
  return scorers.map((scorer) => ({
    name: alignmentName(scorer, what),
    measure: (shown) =>
      scorer.score(shown.map(({ image, subject }) => ({ image, text: textOf(subject) }))),
  }));
}

export function alignmentName({ name }: AlignmentScorer, what: string): string {
  return `${name}, ${what}`;
}

/** Names every scorer with every text, in the order of a report's columns. */
export function alignmentNames(
  scorers: readonly AlignmentScorer[],
  whats: readonly string[],
): string[] {
  return scorers.flatMap((scorer) => whats.map((what) => alignmentName(scorer, what)));
}

export const PAIR_SIDES = ["source", "target"] as const;

/** Scores images of an [EOS] swap against the prompt of the words and that of the [EOS]. */
export function pairMetrics(scorers: readonly AlignmentScorer[]): Metric<PromptPair>[] {
  return [
    ...alignmentMetrics<PromptPair>(scorers, "source", ({ a }) => a.text),
    ...alignmentMetrics<PromptPair>(scorers, "target", ({ b }) => b.text),
  ];
}

/** Measures how near an image stays to that of the first condition, and to its prompt. */
export function nearnessMetrics(
  { similarity, alignment }: LaboratoryScorers,
): Metric<TemplatePrompt>[] {
  return [
    l1Metric(),
    similarityMetric(similarity),
    ...alignmentMetrics<TemplatePrompt>(alignment, "prompt", ({ text }) => text),
  ];
}

export function nearnessNames(scorers: LaboratoryScorers): string[] {
  return nearnessMetrics(scorers).map(({ name }) => name);
}

/** Compares with the image of the same seed under the first condition. */
export function similarityMetric<Subject>(scorer: SimilarityScorer): Metric<Subject> {
  return { name: scorer.name, measure: (shown) => scorer.score(shown) };
}

export const L1 = "L1";

/** Distance to that image as a share of the pixel range: 0 is equal, 1 is black against white. */
function l1Metric<Subject>(): Metric<Subject> {
  return {
    name: L1,
    measure: (shown) =>
      Promise.resolve(
        shown.map(({ image, reference }) => meanAbsolute(image.data, reference.data) / 255),
      ),
  };
}

/** Measures whether the classifier's heaviest object has the noun, and the colour if asked. */
export function namedMetrics<Subject>(
  classifier: Classifier,
  what: string,
  asked: (subject: Subject) => { readonly noun: string; readonly colour: string | null },
): Metric<Subject>[] {
  return [
    {
      name: `object of the ${what}`,
      async measure(shown) {
        const seen = await classifier.score(shown.map(({ image }) => image));
        return shown.map(({ subject }, i) => Number(seen[i]![0]?.noun === asked(subject).noun));
      },
    },
    {
      name: `colour of the ${what}`,
      async measure(shown) {
        const seen = await classifier.score(shown.map(({ image }) => image));
        return shown.map(({ subject }, i) => {
          const { colour } = asked(subject);
          return colour === null ? NaN : Number(seen[i]![0]?.colour === colour);
        });
      },
    },
  ];
}
