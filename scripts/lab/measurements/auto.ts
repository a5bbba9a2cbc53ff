/** Compares the cutoff that a run decides itself with fixed ones of equal saving. */
import type { Tail } from "../../../contract/mod.ts";
import type { Drawing } from "../drawings/generation_cache.ts";
import { type Condition, type MeasuredGrid, startBar } from "../grid/drawn_grid.ts";
import { type DrawingBase, drawingBase, stepsAt } from "../grid/drawing_base.ts";
import { gridExperiment } from "../grid/grid_experiment.ts";
import { gridTable } from "../grid/grid_figures.ts";
import { alignmentName, nearnessMetrics, nearnessNames } from "../grid/metrics.ts";
import type { Laboratory } from "../laboratory/laboratory.ts";
import type { LaboratoryScorers } from "../laboratory/laboratory_scorers.ts";
import type { Sizes } from "../laboratory/sizes.ts";
import type { TemplatePrompt } from "../prompts/prompt_set.ts";
import type { Reading, ResultChart, ResultTable } from "../report/findings.ts";
import { average, type Estimate, meanOf } from "../statistics/estimate.ts";

const TAILS: readonly Tail[] = ["null", "cond", "delta"];
/** The latest cutoff comes first: later runs share its beginning. */
const TOLERANCES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 1];
const SHARES = [0.2, 0.4, 0.5, 0.6, 0.7, 0.8];
/** Share of the evaluations. */
const SAVING_WANTED = 0.3;
const SHEET_PROMPTS = 4;

interface Tuned {
  readonly tail: Tail;
  readonly tolerance: number;
  /** The fixed cutoff that saves as much on the tuning prompts. */
  readonly a: number;
}

/** Maps a condition to each subject's mean over its seeds. */
type Savings = ReadonlyMap<string, readonly number[]>;

export const auto = gridExperiment<TemplatePrompt>({
  name: "auto",
  title: "A cutoff that the run decides",
  question:
    "Does a cutoff by what the run measures save 30 % of the evaluations, and better than a fixed one?",
  counted: "prompts",
  standard: { count: 30, seeds: 1 },
  paper: [
    "The paper's cutoffs are fixed ones (section 6); it decides nothing during the run. Adaptive Guidance " +
    "(Castillo et al. 2023) stops by the cosine of the two predictions and reports 25 % less computation.",
  ],
  method: [
    "`auto t`: guidance ends after the first step, of those that may be the last, in which it changes the " +
    "predicted image by no more than the tolerance t.",
    "Tuned on the first prompts, reported on as many others: of the tolerances below, the least that saves " +
    `${
      100 * SAVING_WANTED
    } % or more of the evaluations on the tuning prompts, or else the greatest. The fixed ` +
    "cutoff that it is held against saves as much on the tuning prompts.",
    "A claim that auto is above the fixed cutoff is `no` where auto is the worse one beyond its interval, and " +
    "`undecided` where neither is.",
    "Distances and image CLIPScore are to the image with guidance in every step.",
  ],
  async design(laboratory, sizes) {
    const { scorers } = laboratory;
    const base = drawingBase(laboratory, sizes);
    const { tuning, heldOut } = promptsOf(laboratory, sizes);
    const tuningSavings = await measureSavings(laboratory, base, { prompts: tuning, sizes });
    const tuned = TAILS.map((tail) => tune(tail, tuningSavings, base.steps));
    const savings = await measureSavings(laboratory, base, { prompts: heldOut, sizes });
    const labels = shownLabels(tuned);
    return {
      subjects: heldOut,
      conditions: conditionsOf(base, tuned),
      metrics: nearnessMetrics(scorers),
      findings(grid) {
        const measured = { grid, savings, tuned, steps: base.steps };
        return {
          tables: [
            tuningTable(tuned, tuningSavings),
            ...TAILS.map((tail) => table(tail, measured, scorers)),
          ],
          charts: charts(measured, scorers),
          readings: readings(measured, scorers),
        };
      },
      sheet: {
        subjects: SHEET_PROMPTS,
        shows: (condition) => labels.includes(condition),
        file: "auto.webp",
        caption:
          "The first held-out prompts, none picked, one in each row: the full run, then each tail with " +
          "the tuned tolerance beside the fixed cutoff of equal saving.",
        columns: labels.length,
        tile: 112,
        labelOf: ({ subject: { text }, condition }) => `${text}: ${condition}`,
      },
    };
  },
});

function shownLabels(tuned: readonly Tuned[]): string[] {
  return [
    "full",
    ...tuned.flatMap(({ tail, tolerance, a }) => [fixedLabel(tail, a), autoLabel(tail, tolerance)]),
  ];
}

/** @throws RangeError when the words allow fewer than twice as many prompts */
function promptsOf(laboratory: Laboratory, { count, attributes }: Sizes) {
  const all = laboratory.allPrompts(attributes);
  const most = Math.floor(all.length / 2);
  if (count > most) {
    throw new RangeError(
      `--count must be at most ${most}, half of the prompts that the words allow, given ${count}`,
    );
  }
  return { tuning: all.slice(0, count), heldOut: all.slice(count, 2 * count) };
}

function autoLabel(tail: Tail, tolerance: number): string {
  return `${tail}, auto ${tolerance}`;
}

function fixedLabel(tail: Tail, a: number): string {
  return `${tail}, a = ${a}`;
}

function autoDrawing(
  { drawing }: DrawingBase,
  { text }: TemplatePrompt,
  seed: number,
  { tail, tolerance }: { readonly tail: Tail; readonly tolerance: number },
): Drawing {
  return drawing(text, seed, { cutoff: { auto: { tolerance }, tail } });
}

/** Takes each saving from the run's own report. */
async function measureSavings(
  { runs }: Laboratory,
  base: DrawingBase,
  { prompts, sizes }: { readonly prompts: readonly TemplatePrompt[]; readonly sizes: Sizes },
): Promise<Savings> {
  const savings = new Map<string, number[]>();
  const settings = TAILS.flatMap((tail) => TOLERANCES.map((tolerance) => ({ tail, tolerance })));
  const seeds = Array.from({ length: sizes.seeds }, (_, seed) => seed);
  const bar = startBar(prompts.length * settings.length * seeds.length);
  try {
    for (const prompt of prompts) {
      for (const setting of settings) {
        const saved: number[] = [];
        for (const seed of seeds) {
          const run = await runs.observe(autoDrawing(base, prompt, seed, setting), null);
          saved.push(run.eventOf("generation.completed").evaluations.saved);
          bar.increment();
        }
        const label = autoLabel(setting.tail, setting.tolerance);
        savings.set(label, [...savings.get(label) ?? [], average(saved)]);
      }
    }
  } finally {
    bar.stop();
  }
  return savings;
}

function tune(tail: Tail, savings: Savings, steps: number): Tuned {
  const meanSaving = (tolerance: number) => average(savings.get(autoLabel(tail, tolerance))!);
  const tolerance = TOLERANCES.find((each) => meanSaving(each) >= SAVING_WANTED) ??
    TOLERANCES.at(-1)!;
  // A cutoff at a saves a / 2T; the last guided step stays, since `delta` needs it.
  const a = Math.min(steps - 1, Math.max(1, Math.round(2 * steps * meanSaving(tolerance))));
  return { tail, tolerance, a };
}

function fixedCuts(tail: Tail, steps: number, tuned: readonly Tuned[]): number[] {
  const equal = tuned.find((each) => each.tail === tail)!.a;
  return [...new Set([...stepsAt(SHARES, steps), equal])].sort((x, y) => x - y);
}

function conditionsOf(base: DrawingBase, tuned: readonly Tuned[]): Condition<TemplatePrompt>[] {
  const { drawing, steps } = base;
  return [
    { label: "full", drawing: ({ text }, seed) => drawing(text, seed) },
    ...TAILS.flatMap((tail) => [
      ...fixedCuts(tail, steps, tuned).map((a) => ({
        label: fixedLabel(tail, a),
        drawing: ({ text }: TemplatePrompt, seed: number) =>
          drawing(text, seed, { cutoff: { a, tail } }),
      })),
      ...TOLERANCES.map((tolerance) => ({
        label: autoLabel(tail, tolerance),
        drawing: (prompt: TemplatePrompt, seed: number) =>
          autoDrawing(base, prompt, seed, { tail, tolerance }),
      })),
    ]),
  ];
}

interface MeasuredAuto {
  readonly grid: MeasuredGrid<TemplatePrompt>;
  /** Savings on the held-out prompts. */
  readonly savings: Savings;
  readonly tuned: readonly Tuned[];
  readonly steps: number;
}

function tuningTable(tuned: readonly Tuned[], savings: Savings): ResultTable {
  return {
    title: "Tuned on the tuning prompts",
    columns: ["tail", "tolerance", "evaluations saved", "fixed cutoff of equal saving"],
    rows: tuned.map(({ tail, tolerance, a }) => ({
      label: tail,
      cells: [
        String(tolerance),
        meanOf(savings.get(autoLabel(tail, tolerance))!),
        `a = ${a}`,
      ],
    })),
  };
}

function table(
  tail: Tail,
  { grid, savings, tuned, steps }: MeasuredAuto,
  scorers: LaboratoryScorers,
): ResultTable {
  return gridTable(grid, {
    title: `Held-out prompts, tail ${tail}`,
    before: ["", "evaluations saved"],
    metrics: nearnessNames(scorers),
    rows: [
      { label: "full", before: ["0.000"] },
      ...fixedCuts(tail, steps, tuned).map((a) => ({
        label: fixedLabel(tail, a),
        before: [(a / (2 * steps)).toFixed(3)],
      })),
      ...TOLERANCES.map((tolerance) => autoLabel(tail, tolerance)).map((label) => ({
        label,
        before: [meanOf(savings.get(label)!)],
      })),
    ],
  });
}

function charts(
  { grid, savings, tuned, steps }: MeasuredAuto,
  scorers: LaboratoryScorers,
): ResultChart[] {
  return nearnessNames(scorers).map((name, i) => ({
    file: `auto_${i + 1}.svg`,
    kind: "line" as const,
    chart: {
      title: `${name} against what was saved, held-out prompts`,
      x: "evaluations saved",
      y: name,
      series: TAILS.flatMap((tail) => [
        {
          name: `${tail}, fixed`,
          points: fixedCuts(tail, steps, tuned).map((a) => ({
            x: a / (2 * steps),
            y: grid.mean(name, fixedLabel(tail, a)),
          })),
        },
        {
          name: `${tail}, auto`,
          points: TOLERANCES.map((tolerance) => autoLabel(tail, tolerance)).map((label) => ({
            x: average(savings.get(label)!),
            y: grid.mean(name, label),
          })),
        },
      ]),
    },
  }));
}

function readings(
  { grid, savings, tuned }: MeasuredAuto,
  { similarity, alignment }: LaboratoryScorers,
): Reading[] {
  return tuned.flatMap(({ tail, tolerance, a }) => {
    const [own, fixed] = [autoLabel(tail, tolerance), fixedLabel(tail, a)];
    const better = (name: string): Reading => ({
      claim: `tail ${tail}: auto ${tolerance} is above the fixed a = ${a} by ${name}`,
      difference: grid.difference(name, own, fixed),
    });
    const saved: Estimate = meanOf(savings.get(own)!.map((each) => each - SAVING_WANTED));
    return [
      {
        claim: `tail ${tail}: auto ${tolerance} saves more than ${100 * SAVING_WANTED} % of the ` +
          "evaluations on held-out prompts",
        difference: saved,
      },
      better(similarity.name),
      ...alignment.map((scorer) => better(alignmentName(scorer, "prompt"))),
    ];
  });
}
