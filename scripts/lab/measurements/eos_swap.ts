/** Table 1: compares the prompt's words with the [EOS] of another prompt. */
import type { Condition, MeasuredGrid } from "../grid/drawn_grid.ts";
import { type DrawingBase, drawingBase } from "../grid/drawing_base.ts";
import { gridExperiment } from "../grid/grid_experiment.ts";
import { gridTable, rowCharts } from "../grid/grid_figures.ts";
import {
  alignmentMetrics,
  alignmentName,
  alignmentNames,
  namedMetrics,
  PAIR_SIDES,
} from "../grid/metrics.ts";
import type { Laboratory } from "../laboratory/laboratory.ts";
import { type PromptPair, unrelatedPrompt } from "../prompts/prompt_pair.ts";
import type { TemplatePrompt } from "../prompts/prompt_set.ts";
import type { Reading } from "../report/findings.ts";

/** Words of the source, [EOS] of the target, and a prompt that is unrelated to both. */
interface SwapSubject {
  readonly source: TemplatePrompt;
  readonly target: TemplatePrompt;
  readonly unrelated: TemplatePrompt;
}

const SIDES = [...PAIR_SIDES, "unrelated"] as const;
const OWN = "un-swapped";
const SWAPPED = "[EOS] swapped";
const SHEET_PAIRS = 6;

export const eosSwap = gridExperiment<SwapSubject>({
  name: "eos-swap",
  title: "The words of one prompt with the [EOS] of another",
  question: "Does an image follow the prompt whose words it was given, or the prompt whose [EOS]?",
  counted: "pairs of prompts",
  standard: { count: 120, seeds: 1 },
  paper: [
    "Section 5.1, Table 1 (SD 1.5, 3000 pairs, no intervals): text CLIPScore 0.2363 with the source " +
    "(words) and 0.2758 with the target ([EOS]); BLIP-VQA 0.3325 and 0.4441; MiniGPT4-CoT 0.6473 and " +
    "0.7213. It gives neither an un-swapped row nor a random pair.",
    "Appendix D: the source's attributes survive the swap more often than its objects do.",
  ],
  method: [
    "Each pair is drawn in one direction: the words of its first prompt, the [EOS] of its second. The two " +
    "differ in object and attribute and are equally long in tokens.",
    "[EOS] means the first one and the padding behind it, as in the paper; the other rows swap one of the two.",
    "The column `unrelated` scores the same image with a prompt that shares nothing with the pair: the " +
    "score of a random pair.",
  ],
  design(laboratory, sizes) {
    const { alignment, classifier } = laboratory.scorers;
    const pairs = laboratory.pairs(sizes.count, sizes.attributes);
    const conditions = conditionsOf(drawingBase(laboratory, sizes));
    const labels = conditions.map(({ label }) => label);
    const rows = labels.map((label) => ({ label }));
    return {
      subjects: swapSubjects(pairs, laboratory.allPrompts(sizes.attributes)),
      conditions,
      metrics: [
        ...SIDES.flatMap((side) =>
          alignmentMetrics<SwapSubject>(alignment, side, (subject) => subject[side].text)
        ),
        ...nameMetrics(laboratory),
      ],
      findings: (grid) => ({
        tables: [
          gridTable(grid, {
            title: "Alignment of the image with each prompt (Table 1)",
            metrics: alignmentNames(alignment, SIDES),
            rows,
          }),
          ...(classifier === null ? [] : [gridTable(grid, { ...NAMED, rows })]),
        ],
        charts: rowCharts(grid, {
          file: "eos-swap",
          names: alignment.map(({ name }) => name),
          titleOf: (name) => `${name} with each prompt`,
          sides: SIDES,
          conditions: labels,
        }),
        readings: readings(grid, laboratory),
      }),
      sheet: {
        subjects: SHEET_PAIRS,
        file: "eos-swap.webp",
        caption:
          "The first pairs, none picked: the source un-swapped, then with [EOS] of the target.",
        columns: labels.length,
        tile: 128,
        labelOf: ({ subject: { source, target }, condition }) =>
          condition === OWN ? source.text : `${condition}: ${target.text}`,
      },
    };
  },
});

/** @param prompts source of the unrelated ones; each pair searches from another place */
function swapSubjects(
  pairs: readonly PromptPair[],
  prompts: readonly TemplatePrompt[],
): SwapSubject[] {
  return pairs.map((pair, i) => ({
    source: pair.a,
    target: pair.b,
    unrelated: unrelatedPrompt(pair, prompts, 2 * i + 2),
  }));
}

function conditionsOf({ drawing }: DrawingBase): Condition<SwapSubject>[] {
  const swap =
    (scope: "all" | "first" | "padding") => ({ source, target }: SwapSubject, seed: number) =>
      drawing(source.text, seed, { eos_swap: { prompt: target.text, scope } });
  return [
    { label: OWN, drawing: ({ source }, seed) => drawing(source.text, seed) },
    { label: SWAPPED, drawing: swap("all") },
    { label: "first [EOS] swapped", drawing: swap("first") },
    { label: "padding swapped", drawing: swap("padding") },
  ];
}

function nameMetrics({ scorers: { classifier } }: Laboratory) {
  if (classifier === null) return [];
  return PAIR_SIDES.flatMap((side) =>
    namedMetrics<SwapSubject>(classifier, side, (subject) => {
      const { noun, kind, attribute } = subject[side];
      return { noun, colour: kind === "colour" ? attribute : null };
    })
  );
}

const NAMED = {
  title: "What the classifier sees, as shares of the images (appendix D)",
  metrics: ["object", "colour"].flatMap((part) =>
    PAIR_SIDES.map((side) => `${part} of the ${side}`)
  ),
};

function readings(grid: MeasuredGrid<SwapSubject>, { scorers }: Laboratory): Reading[] {
  const ofScorers = scorers.alignment.flatMap((scorer) => {
    const [source, target] = [alignmentName(scorer, "source"), alignmentName(scorer, "target")];
    return [
      {
        claim: `with [EOS] swapped the target is above the source by ${scorer.name}`,
        difference: grid.between([target, SWAPPED], [source, SWAPPED]),
      },
      {
        claim: `the swap brings the image nearer to the target by ${scorer.name}`,
        difference: grid.difference(target, SWAPPED, OWN),
      },
      {
        claim: `the swap takes the image away from the source by ${scorer.name}`,
        difference: grid.difference(source, OWN, SWAPPED),
      },
    ];
  });
  if (scorers.classifier === null) return ofScorers;
  return [...ofScorers, {
    claim: "with [EOS] swapped the source's colour survives more often than its object",
    difference: grid.between(["colour of the source", SWAPPED], ["object of the source", SWAPPED]),
  }];
}
