/** Table 1: the prompt's words against the [EOS] of another prompt. */
import { type Condition, type MeasuredGrid, measureGrid, type Shown } from "../grid/drawn_grid.ts";
import { type DrawingBase, drawingBase } from "../grid/drawing_base.ts";
import type { Experiment } from "../experiments/experiment.ts";
import type { Reading, ResultSheet, ResultTable } from "../report/findings.ts";
import { keptSheet } from "../grid/kept_sheet.ts";
import type { Laboratory } from "../laboratory/laboratory.ts";
import {
  alignmentMetrics,
  alignmentName,
  alignmentNames,
  namedMetrics,
  PAIR_SIDES,
} from "../grid/metrics.ts";
import { type PromptPair, unrelatedPrompt } from "../prompts/prompt_pair.ts";
import type { TemplatePrompt } from "../prompts/prompt_set.ts";

/** Words of the source, [EOS] of the target, and a prompt that has nothing to do with either. */
interface SwapSubject {
  readonly source: TemplatePrompt;
  readonly target: TemplatePrompt;
  readonly unrelated: TemplatePrompt;
}

const SIDES = [...PAIR_SIDES, "unrelated"] as const;
const OWN = "un-swapped";
const SWAPPED = "[EOS] swapped";
const SHEET_PAIRS = 6;

export const eosSwap: Experiment = {
  name: "eos-swap",
  title: "The words of one prompt with the [EOS] of another",
  question: "Does an image follow the prompt whose words it was given, or the prompt whose [EOS]?",
  counted: "pairs of prompts",
  standard: { count: 120, seeds: 1 },
  async measure(laboratory, sizes) {
    const { scorers, cache } = laboratory;
    const pairs = laboratory.pairs(sizes.count, sizes.attributes);
    const conditions = conditionsOf(drawingBase(laboratory, sizes));
    const grid = await measureGrid<SwapSubject>(cache, {
      subjects: swapSubjects(pairs, laboratory.allPrompts(sizes.attributes)),
      seeds: sizes.seeds,
      conditions,
      metrics: [
        ...SIDES.flatMap((side) =>
          alignmentMetrics<SwapSubject>(scorers.alignment, side, (subject) => subject[side].text)
        ),
        ...nameMetrics(laboratory),
      ],
      kept: SHEET_PAIRS,
    });
    const labels = conditions.map(({ label }) => label);
    const named = scorers.classifier === null ? [] : [table(grid, labels, NAMED)];
    return {
      findings: {
        paper: PAPER,
        method: METHOD,
        tables: [
          table(grid, labels, {
            title: "Alignment of the image with each prompt (Table 1)",
            names: alignmentNames(scorers.alignment, SIDES),
          }),
          ...named,
        ],
        charts: scorers.alignment.map(({ name }, i) => ({
          file: `eos-swap_${i + 1}.svg`,
          kind: "rows" as const,
          chart: {
            title: `${name} with each prompt`,
            x: "",
            y: name,
            series: SIDES.map((side) => ({
              name: side,
              points: labels.map((x) => ({ x, y: grid.mean(`${name}, ${side}`, x) })),
            })),
          },
        })),
        readings: readings(grid, laboratory),
      },
      sheets: [await sheet(grid.kept, labels.length)],
    };
  },
};

const PAPER = [
  "Section 5.1, Table 1 (SD 1.5, 3000 pairs, no intervals): text CLIPScore 0.2363 with the source " +
  "(words) and 0.2758 with the target ([EOS]); BLIP-VQA 0.3325 and 0.4441; MiniGPT4-CoT 0.6473 and " +
  "0.7213. It gives neither an un-swapped row nor a random pair.",
  "Appendix D: the source's attributes survive the swap more often than its objects do.",
];
const METHOD = [
  "Each pair is drawn in one direction: the words of its first prompt, the [EOS] of its second. The two " +
  "differ in object and attribute and are equally long in tokens.",
  "[EOS] means the first one and the padding behind it, as in the paper; the other rows swap one of the two.",
  "The column `unrelated` scores the same image with a prompt that shares nothing with the pair: the " +
  "score of a random pair.",
];

/** @param prompts where the unrelated ones are from; each pair looks on from another place */
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
  names: ["object", "colour"].flatMap((part) => PAIR_SIDES.map((side) => `${part} of the ${side}`)),
};

function table(
  grid: MeasuredGrid<SwapSubject>,
  labels: readonly string[],
  { title, names }: { readonly title: string; readonly names: readonly string[] },
): ResultTable {
  return {
    title,
    columns: ["", ...names],
    rows: labels.map((label) => ({ label, cells: names.map((name) => grid.mean(name, label)) })),
  };
}

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

function sheet(kept: readonly Shown<SwapSubject>[], columns: number): Promise<ResultSheet> {
  return keptSheet(kept, {
    file: "eos-swap.webp",
    caption: "The first pairs, none picked: the source un-swapped, then with [EOS] of the target.",
    columns,
    tile: 128,
    labelOf: ({ subject: { source, target }, condition }) =>
      condition === OWN ? source.text : `${condition}: ${target.text}`,
  });
}
