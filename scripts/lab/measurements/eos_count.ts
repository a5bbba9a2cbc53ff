/** Appendix C: varies how many [EOS] of the other prompt there are by repeating the words. */
import type { PromptTokenizer } from "../../../contract/mod.ts";
import type { MeasuredGrid } from "../grid/drawn_grid.ts";
import { drawingBase, stepsAt } from "../grid/drawing_base.ts";
import { gridExperiment } from "../grid/grid_experiment.ts";
import { gridTable, relativePoints } from "../grid/grid_figures.ts";
import { alignmentName, alignmentNames, PAIR_SIDES, pairMetrics } from "../grid/metrics.ts";
import type { PromptPair } from "../prompts/prompt_pair.ts";
import type { Reading, ResultChart } from "../report/findings.ts";
import type { AlignmentScorer } from "../scorers/alignment.ts";
import { average } from "../statistics/estimate.ts";

const SHARES = [0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1];
const SHEET_PAIRS = 5;

/** Number of repeats of the words, and of the [EOS] that remain, on average over the pairs. */
interface Repeats {
  readonly repeats: number;
  readonly label: string;
  readonly eos: number;
}

export const eosCount = gridExperiment<PromptPair>({
  name: "eos-count",
  title: "Fewer [EOS] of the other prompt",
  question: "Does the effect of the other prompt's [EOS] depend on how many of them there are?",
  counted: "pairs of prompts",
  standard: { count: 40, seeds: 1 },
  paper: [
    "Appendix C, Fig. 11: the source's words are repeated so that fewer [EOS] of the target remain; as they " +
    "become fewer, alignment moves from the target to the source. Relative curves only, no numbers. [EOS] " +
    "in front count for more than those behind.",
  ],
  method: [
    "The words of the source stand there 1, 2, ... times, and every position behind them takes the target's " +
    "[EOS] or padding, the k-th its k-th. Repeating the words also strengthens them, in the paper as here.",
    "The chart's figures are (current - worst) / (best - worst) of the means along each curve.",
  ],
  design(laboratory, sizes) {
    const { tokenizer, scorers: { alignment } } = laboratory;
    const { drawing } = drawingBase(laboratory, sizes);
    const subjects = laboratory.pairs(sizes.count, sizes.attributes);
    const series = repeatsOf(subjects, tokenizer);
    const metrics = alignmentNames(alignment, PAIR_SIDES);
    return {
      subjects,
      conditions: series.map(({ repeats, label }) => ({
        label,
        drawing: ({ a, b }, seed) =>
          drawing(a.text, seed, { eos_swap: { prompt: b.text }, semantic_repeats: repeats }),
      })),
      metrics: pairMetrics(alignment),
      findings: (grid) => ({
        tables: [gridTable(grid, {
          title: "[EOS] of the target behind words that are repeated",
          before: ["words", "[EOS], mean"],
          metrics,
          rows: series.map(({ label, eos }) => ({ label, before: [eos.toFixed(1)] })),
        })],
        charts: [chart(grid, series, metrics)],
        readings: readings(grid, series, alignment),
      }),
      sheet: {
        subjects: SHEET_PAIRS,
        file: "eos-count.webp",
        caption: "The first pairs, none picked, one in each row.",
        columns: series.length,
        tile: 112,
        labelOf: ({ subject: { a, b }, condition }) => `${a.text} ${condition}, [EOS] of ${b.text}`,
      },
    };
  },
});

/** Goes from one repeat to as many as fit whole for the words of every source. */
function repeatsOf(pairs: readonly PromptPair[], tokenizer: PromptTokenizer): Repeats[] {
  const eosOf = (text: string, repeats: number) =>
    tokenizer.tokenize(text, repeats).tokens
      .filter(({ class: kind }) => kind === "eos" || kind === "padding").length;
  const words = pairs.map(({ a }) =>
    tokenizer.tokenize(a.text).tokens.filter(({ class: kind }) => kind === "semantic").length
  );
  const space = Math.min(...pairs.map(({ a }, i) => words[i]! + eosOf(a.text, 1) - 1));
  const most = Math.floor(space / Math.max(...words));
  return [1, ...stepsAt(SHARES, most).filter((repeats) => repeats > 1)].map((repeats) => ({
    repeats,
    label: repeats === 1 ? "once" : `${repeats} times`,
    eos: average(pairs.map(({ a }) => eosOf(a.text, repeats))),
  }));
}

function chart(
  grid: MeasuredGrid<PromptPair>,
  series: readonly Repeats[],
  names: readonly string[],
): ResultChart {
  return {
    file: "eos-count.svg",
    kind: "line",
    chart: {
      title: "Alignment with both prompts against the number of [EOS]",
      x: "[EOS] of the target, mean",
      y: "relative alignment",
      series: names.map((name) => ({
        name,
        points: relativePoints(
          grid,
          name,
          series.map(({ eos, label }) => ({ x: eos, condition: label })),
        ),
      })),
    },
  };
}

function readings(
  grid: MeasuredGrid<PromptPair>,
  series: readonly Repeats[],
  scorers: readonly AlignmentScorer[],
): Reading[] {
  const most = series[0]!.label;
  const fewest = series.at(-1)!.label;
  return scorers.flatMap((scorer) => [
    {
      claim:
        `with the most [EOS] alignment with the target is higher than with the fewest, by ${scorer.name}`,
      difference: grid.difference(alignmentName(scorer, "target"), most, fewest),
    },
    {
      claim:
        `with the fewest [EOS] alignment with the source is higher than with the most, by ${scorer.name}`,
      difference: grid.difference(alignmentName(scorer, "source"), fewest, most),
    },
  ]);
}
