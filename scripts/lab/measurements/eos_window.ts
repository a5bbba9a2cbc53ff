/** Figs. 5 and 6: finds the steps in which the [EOS] of the other prompt has its effect. */
import type { Condition, MeasuredGrid } from "../grid/drawn_grid.ts";
import { type DrawingBase, drawingBase, stepsAt } from "../grid/drawing_base.ts";
import { gridExperiment } from "../grid/grid_experiment.ts";
import { relativePoints } from "../grid/grid_figures.ts";
import { alignmentName, alignmentNames, PAIR_SIDES, pairMetrics } from "../grid/metrics.ts";
import {
  STEP_WINDOWS,
  type StepWindow,
  windowLabel,
  windowPlaces,
  windowTable,
} from "../grid/step_window.ts";
import type { PromptPair } from "../prompts/prompt_pair.ts";
import type { Reading, ResultChart } from "../report/findings.ts";
import type { AlignmentScorer } from "../scorers/alignment.ts";
import { type Estimate, meanDifferenceOf } from "../statistics/estimate.ts";

const SHARES = [0, 0.02, 0.04, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1];
/** The complement of each is among the shares, too. */
const EARLY = [0.2, 0.5];
const SHEET_PAIRS = 4;

export const eosWindow = gridExperiment<PromptPair>({
  name: "eos-window",
  title: "The [EOS] of another prompt in a window of steps",
  question: "In which steps does the [EOS] decide what is drawn?",
  counted: "pairs of prompts",
  standard: { count: 40, seeds: 1 },
  paper: [
    "Section 5.2, Figs. 5 and 6: the target's [EOS] is used from the noise down to a start step t, the " +
    "source's after it. Alignment with the target decreases only slightly until the start step is near " +
    "the noise, so [EOS] acts in the first few steps. Curves only, no numbers.",
  ],
  method: [
    "`first k`: the target's [EOS] in steps 0 to k - 1, the source's after it; the paper's start step is " +
    "the number of steps minus k. `last k`: the mirror image, which the paper does not show.",
    "Relative alignment is (current - worst) / (best - worst) of the means along the curve, as in the paper; " +
    "its intervals resample pairs, and worst and best with them.",
  ],
  design(laboratory, sizes) {
    const { scorers: { alignment } } = laboratory;
    const base = drawingBase(laboratory, sizes);
    const lengths = stepsAt(SHARES, base.steps);
    const names = alignmentNames(alignment, PAIR_SIDES);
    return {
      subjects: laboratory.pairs(sizes.count, sizes.attributes),
      conditions: STEP_WINDOWS.flatMap((window) => lengths.map((k) => condition(base, window, k))),
      metrics: pairMetrics(alignment),
      findings: (grid) => ({
        tables: STEP_WINDOWS.map((window) => {
          const title = `The target's [EOS] in the ${window} k steps`;
          return windowTable(grid, names, { title, window, lengths });
        }),
        charts: STEP_WINDOWS.map((window) => chart(grid, window, lengths, names)),
        readings: readings(grid, base.steps, alignment),
      }),
      sheet: {
        subjects: SHEET_PAIRS,
        file: "eos-window.webp",
        caption:
          "The first pairs, none picked; for each a row of the first k steps with the target's " +
          "[EOS], then one of the last k.",
        columns: lengths.length,
        tile: 96,
        labelOf: ({ subject: { a, b }, condition }) =>
          `${a.text}, [EOS] of ${b.text}: ${condition}`,
      },
    };
  },
});

function condition(
  { drawing, steps }: DrawingBase,
  window: StepWindow,
  k: number,
): Condition<PromptPair> {
  const [from, to] = window === "first" ? [0, k] : [steps - k, steps];
  return {
    label: windowLabel(window, k),
    drawing: ({ a, b }, seed) =>
      k === 0
        ? drawing(a.text, seed)
        : drawing(a.text, seed, { eos_swap: { prompt: b.text, from, to } }),
  };
}

function chart(
  grid: MeasuredGrid<PromptPair>,
  window: StepWindow,
  lengths: readonly number[],
  names: readonly string[],
): ResultChart {
  const places = windowPlaces(window, lengths);
  return {
    file: `eos-window_${window}.svg`,
    kind: "line",
    chart: {
      title: `Alignment with the target's [EOS] in the ${window} k steps`,
      x: "k",
      y: "relative alignment",
      series: names.map((name) => ({ name, points: relativePoints(grid, name, places) })),
    },
  };
}

function readings(
  grid: MeasuredGrid<PromptPair>,
  steps: number,
  scorers: readonly AlignmentScorer[],
): Reading[] {
  return EARLY.flatMap((share) => {
    const early = Math.round(share * steps);
    const late = steps - early;
    return scorers.flatMap((scorer) => {
      const target = alignmentName(scorer, "target");
      const [first, last] = [windowLabel("first", early), windowLabel("last", late)];
      return [
        {
          claim:
            `the target's [EOS] in the first ${early} steps alone brings the image nearer to the ` +
            `target, by ${scorer.name}`,
          difference: grid.difference(target, first, windowLabel("first", 0)),
        },
        {
          claim:
            `in the first ${early} steps it does more than in the last ${late}, by ${scorer.name}`,
          difference: grid.difference(target, first, last),
        },
        {
          claim:
            `in the first ${early} steps it does nine tenths or more of what it does in all, by ` +
            scorer.name,
          difference: mostOf(grid, target, early, steps),
        },
      ];
    });
  });
}

/** Returns (first k - none) - 0.9 (all - none), paired. */
function mostOf(
  grid: MeasuredGrid<PromptPair>,
  metric: string,
  early: number,
  steps: number,
): Estimate {
  const [none, some, all] = [0, early, steps]
    .map((k) => grid.values(metric, windowLabel("first", k)));
  const weighted = all!.map((value, i) => 0.9 * value + 0.1 * none![i]!);
  return meanDifferenceOf(some!, weighted);
}
