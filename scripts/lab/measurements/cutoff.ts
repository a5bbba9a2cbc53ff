/** Table 2: measures what a cutoff changes in the image and saves, for each tail and sampler. */
import type { Tail } from "../../../contract/mod.ts";
import { timeRun } from "../../engine/engine_runs.ts";
import type { Drawing } from "../drawings/generation_cache.ts";
import type { Experiment, Measured } from "../experiments/experiment.ts";
import type { MeasuredGrid } from "../grid/drawn_grid.ts";
import { drawingBase, stepsAt } from "../grid/drawing_base.ts";
import { type GridDesign, measureDesign } from "../grid/grid_experiment.ts";
import { gridTable } from "../grid/grid_figures.ts";
import { alignmentName, L1, nearnessMetrics, nearnessNames } from "../grid/metrics.ts";
import type { Laboratory } from "../laboratory/laboratory.ts";
import type { LaboratoryScorers } from "../laboratory/laboratory_scorers.ts";
import type { Sizes } from "../laboratory/sizes.ts";
import type { TemplatePrompt } from "../prompts/prompt_set.ts";
import type { Reading, ResultChart } from "../report/findings.ts";
import { type Estimate, meanOf } from "../statistics/estimate.ts";

const TAILS: readonly Tail[] = ["null", "cond", "delta"];
/** Shares of the steps: a = 0, 10 .. 50 of 50, and 0, 5 .. 25 of 25. */
const SHARES = [0, 0.2, 0.4, 0.6, 0.8, 1];
const EARLY_CUT = 0.8;
const LATE_CUT = 0.4;
const TIMED_ROUNDS = 5;
const SHEET_PROMPTS = 3;

interface SampledRun {
  readonly sampler: string;
  readonly steps: number;
}

interface Cut {
  readonly a: number;
  readonly tail: Tail;
}

interface Saving {
  readonly evaluations: number;
  readonly time: Estimate;
}

export const cutoff: Experiment = {
  name: "cutoff",
  title: "Guidance cut off before the end",
  question:
    "How far can guidance be left out at the end, and which tail stays nearest to the full run?",
  counted: "prompts",
  standard: { count: 40, seeds: 1 },
  async measure(laboratory, sizes) {
    const parts: Measured[] = [];
    for (const run of sampledRuns(laboratory, sizes)) {
      parts.push(await measureDesign(laboratory, sizes, designOf(laboratory, sizes, run)));
    }
    return {
      findings: {
        paper: PAPER,
        method: METHOD,
        tables: parts.flatMap(({ findings }) => findings.tables),
        charts: parts.flatMap(({ findings }) => findings.charts),
        readings: parts.flatMap(({ findings }) => findings.readings),
      },
      sheets: parts.flatMap(({ sheets }) => sheets),
    };
  },
};

const PAPER = [
  "Section 6, Table 2 (30,000 COCO prompts; its numbers are not known but for one): L1, image CLIPScore, " +
  "FID and time saved against a = 0. SD 1.5 with a = 20 saves 27+ % of the time, presumably of 25 " +
  "steps, and stays near the image of a = 0.",
  "Eq. 9: guidance for t >= a, the empty prompt alone for t < a. That is the tail `null`. Other tools keep " +
  "the conditional branch, the tail `cond`.",
];
const METHOD = [
  "a counts from the end: the last a steps are one row each instead of two, so a of T steps saves a / 2T " +
  "of the evaluations whatever the tail. `null`: the empty prompt alone. `cond`: the prompt alone. " +
  "`delta`: the empty prompt and, added again, the last guided step's difference; it needs one guided step.",
  "L1 is the mean absolute difference of the pixels to the image of a = 0, as a share of their range; image " +
  "CLIPScore is held against the same image.",
  `Time is 1 - t(a) / t(0) of ${TIMED_ROUNDS} rounds, each with a prompt of its own and every cut in one round, ` +
  "by an engine that shares nothing between runs, on whatever else the machine was doing; n counts rounds.",
];

/** Uses the paper's 50 steps of DDIM and 25 of DPM-Solver (Figs. 10, 20, 21), or the model's. */
function sampledRuns({ manifest }: Laboratory, sizes: Sizes): SampledRun[] {
  const { defaults, samplers } = manifest;
  const steps = sizes.steps ?? defaults.num_inference_steps;
  const runs = [
    { sampler: "ddim", steps },
    { sampler: "dpmpp_2m", steps: Math.max(2, Math.round(steps / 2)) },
  ].filter(({ sampler }) => samplers.includes(sampler));
  return runs.length > 0 ? runs : [{ sampler: defaults.sampler, steps }];
}

function designOf(
  laboratory: Laboratory,
  sizes: Sizes,
  run: SampledRun,
): GridDesign<TemplatePrompt> {
  const { scorers } = laboratory;
  const { drawing } = drawingBase(laboratory, run);
  const { sampler, steps } = run;
  const cuts = cutsOf(steps);
  const subjects = laboratory.prompts(sizes.count, sizes.attributes);
  const drawingOf = ({ text }: TemplatePrompt, seed: number, cut: Cut): Drawing =>
    drawing(text, seed, { sampler, cutoff: cut });
  return {
    subjects,
    conditions: cuts.map((cut) => ({
      label: labelOf(cut),
      drawing: (prompt, seed) => drawingOf(prompt, seed, cut),
    })),
    metrics: nearnessMetrics(scorers),
    async findings(grid) {
      const rounds = subjects.slice(0, TIMED_ROUNDS)
        .map((prompt) => (cut: Cut) => drawingOf(prompt, 0, cut));
      const savings = await timeCuts(laboratory, cuts, rounds);
      return {
        tables: [gridTable(grid, {
          title: `${sampler}, ${steps} steps, against a = 0 (Table 2)`,
          before: ["tail"],
          metrics: nearnessNames(scorers),
          after: ["evaluations saved", "time saved"],
          rows: cuts.map(labelOf).map((label) => {
            const { evaluations, time } = savings.get(label)!;
            return { label, after: [evaluations.toFixed(3), time] };
          }),
        })],
        charts: charts(grid, run, cuts, scorers),
        readings: readings(grid, run, scorers),
      };
    },
    sheet: {
      subjects: SHEET_PROMPTS,
      file: `cutoff_${sampler}.webp`,
      caption:
        `${sampler}: the first prompts, none picked, one in each row; the full run, then the tails.`,
      columns: cuts.length,
      tile: 96,
      labelOf: ({ subject: { text }, condition }) => `${text}: ${condition}`,
    },
  };
}

/** Puts the full run, the reference, first; then each tail from the latest cut to the earliest. */
function cutsOf(steps: number): Cut[] {
  const [, ...cuts] = stepsAt(SHARES, steps);
  const ofTails = TAILS.flatMap((tail) =>
    cuts.filter((a) => tail !== "delta" || a < steps).map((a) => ({ a, tail }))
  );
  return [{ a: 0, tail: "null" }, ...ofTails];
}

function labelOf({ a, tail }: Cut): string {
  return a === 0 ? "full" : `${tail}, a = ${a}`;
}

/** Times every cut once in each round, after one run that warms up. */
async function timeCuts(
  laboratory: Laboratory,
  cuts: readonly Cut[],
  rounds: readonly ((cut: Cut) => Drawing)[],
): Promise<ReadonlyMap<string, Saving>> {
  const times = new Map(cuts.map((cut) => [labelOf(cut), [] as number[]]));
  const evaluations = new Map<string, number>();
  const engine = await laboratory.openTimingEngine();
  try {
    await timeRun(engine, rounds[0]!(cuts[0]!));
    for (const drawingOf of rounds) {
      for (const cut of cuts) {
        const { timings, evaluations: { saved } } = await timeRun(engine, {
          ...drawingOf(cut),
          previews: { every: 0 },
        });
        times.get(labelOf(cut))!.push(timings.total_ms);
        evaluations.set(labelOf(cut), saved);
      }
    }
  } finally {
    await engine.close();
  }
  const full = times.get(labelOf(cuts[0]!))!;
  return new Map([...times].map(([label, milliseconds]) => [label, {
    evaluations: evaluations.get(label) ?? 0,
    time: meanOf(milliseconds.map((each, round) => 1 - each / full[round]!)),
  }]));
}

function charts(
  grid: MeasuredGrid<TemplatePrompt>,
  { sampler, steps }: SampledRun,
  cuts: readonly Cut[],
  scorers: LaboratoryScorers,
): ResultChart[] {
  return nearnessNames(scorers).map((name, i) => ({
    file: `cutoff_${sampler}_${i + 1}.svg`,
    kind: "line" as const,
    chart: {
      title: `${name} against the cutoff, ${sampler}, ${steps} steps`,
      x: "a, steps without guidance at the end",
      y: name,
      series: TAILS.map((tail) => ({
        name: `tail ${tail}`,
        points: cuts.filter((cut) => cut.a === 0 || cut.tail === tail)
          .map((cut) => ({ x: cut.a, y: grid.mean(name, labelOf(cut)) })),
      })),
    },
  }));
}

function readings(
  grid: MeasuredGrid<TemplatePrompt>,
  { sampler, steps }: SampledRun,
  { similarity, alignment }: LaboratoryScorers,
): Reading[] {
  const cut = (tail: Tail, share: number) => labelOf({ a: Math.round(share * steps), tail });
  const late = Math.round(LATE_CUT * steps);
  const early = Math.round(EARLY_CUT * steps);
  const nearer = (one: Tail, other: Tail) => ({
    claim:
      `${sampler}: at a = ${late} of ${steps} the tail ${one} stays nearer to the full run than ` +
      `${other}, by L1`,
    difference: grid.difference(L1, cut(other, LATE_CUT), cut(one, LATE_CUT)),
  });
  return [
    nearer("null", "cond"),
    nearer("delta", "null"),
    nearer("delta", "cond"),
    {
      claim:
        `${sampler}: with the tail null the image at a = ${late} is nearer to the full run than at ` +
        `a = ${early}, by ${similarity.name}`,
      difference: grid.difference(similarity.name, cut("null", LATE_CUT), cut("null", EARLY_CUT)),
    },
    ...alignment.map((scorer) => ({
      claim:
        `${sampler}: with the tail null at a = ${late} alignment with the prompt is lower than in ` +
        `the full run, by ${scorer.name}`,
      difference: grid.difference(
        alignmentName(scorer, "prompt"),
        labelOf({ a: 0, tail: "null" }),
        cut("null", LATE_CUT),
      ),
    })),
  ];
}
