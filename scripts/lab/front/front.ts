/** The Pareto front: how near an image stays to the converged one for what it costs. */
import { timeRun } from "../../engine/engine_runs.ts";
import { type Drawing, planOf } from "../drawings/generation_cache.ts";
import type { Experiment } from "../experiments/experiment.ts";
import { type Condition, type MeasuredGrid, measureGrid } from "../grid/drawn_grid.ts";
import { type DrawingBase, drawingBase } from "../grid/drawing_base.ts";
import { type GridDesign, measureDesign } from "../grid/grid_experiment.ts";
import { gridTable } from "../grid/grid_figures.ts";
import {
  alignmentName,
  namedMetrics,
  nearnessMetrics,
  nearnessNames,
  similarityMetric,
} from "../grid/metrics.ts";
import type { Laboratory } from "../laboratory/laboratory.ts";
import type { Sizes } from "../laboratory/sizes.ts";
import {
  bestWithin,
  type Controls,
  type FrontSetting,
  mixtures,
  paperSettings,
  paretoFront,
  type Priced,
  referenceOf,
  stepReductions,
} from "./front_settings.ts";
import type { TemplatePrompt } from "../prompts/prompt_set.ts";
import type { Reading, ResultChart, ResultTable } from "../report/findings.ts";
import { type Estimate, meanOf } from "../statistics/estimate.ts";

/** Tuning takes other prompts than the report, half as many and no more than these. */
const TUNED_MAX = 50;
const BUDGETS = [0.12, 0.14, 0.16, 0.18, 0.2, 0.22, 0.25, 0.3, 0.4];
const TIMED_ROUNDS = 5;
const SHEET_PROMPTS = 4;
/** Shares at which one looks at pictures. */
const SHOWN = [0.3, 0.2, 0.12];

type Setting = FrontSetting & { readonly compute: number };

export const front: Experiment = {
  name: "front",
  title: "What an image costs, and how near it stays",
  question:
    "Which settings give the picture that is nearest to the converged one, at each share of the compute?",
  counted: "prompts",
  standard: { count: 200, seeds: 2 },
  async measure(laboratory, sizes) {
    const base = drawingBase(laboratory, sizes);
    const priced = priceWith(laboratory, base);
    const { tuning, heldOut } = promptsOf(laboratory, sizes);
    const tuned = await tune(laboratory, base, {
      prompts: tuning,
      settings: mixtures(laboratory.manifest, base.steps).map(priced),
    });
    const chosen = chosenFrom(tuned);
    const pure = stepReductions(laboratory.manifest, base.steps).map(priced);
    const paper = paperSettings(laboratory.manifest, base.steps).map(priced);
    const design = designOf(laboratory, base, { prompts: heldOut, pure, paper, chosen });
    const { findings, sheets } = await measureDesign(laboratory, sizes, design);
    return { findings: { ...findings, paper: PAPER, method: METHOD }, sheets };
  },
};

const PAPER = [
  "The paper (section 6) saves the conditional row of the last steps: 30 % at a = 30 of 50 steps. " +
  "It reuses no features and shortens no run.",
  "Ma, Fang, Wang: DeepCache (CVPR 2024): a U-Net's deep features change slowly; 2.3 times faster on " +
  "Stable Diffusion 1.5.",
];
const METHOD = [
  "Compute: rows of the denoiser, a shallow row counted by its measured share, over those of the baseline, " +
  "DDIM with the model's own number of steps, guided throughout.",
  "The reference is the converged image: a solver of second order with four times the steps, guided " +
  "throughout. All runs space their timesteps `trailing`, so that few steps begin at the same noise.",
  "The mixtures were tuned on other prompts: of all, those that no other beats both in compute and in image " +
  "CLIPScore, at most one for each budget. The settings of fewer steps were not chosen: all are shown, " +
  "and a claim compares with the best of them on the report's own prompts.",
  "Time is measured in turns, one prompt after the other, by an engine that shares nothing between runs.",
];

interface Shown {
  readonly prompts: readonly TemplatePrompt[];
  readonly pure: readonly Setting[];
  readonly paper: readonly Setting[];
  readonly chosen: readonly Setting[];
}

/** @throws RangeError when the words allow too few prompts */
function promptsOf(laboratory: Laboratory, { count, attributes }: Sizes) {
  const tuned = Math.min(TUNED_MAX, Math.ceil(count / 2));
  const all = laboratory.allPrompts(attributes);
  if (count + tuned > all.length) {
    throw new RangeError(
      `--count must be at most ${
        all.length - TUNED_MAX
      }, as many prompts as the words allow beside ` +
        `those of the tuning, given ${count}`,
    );
  }
  return { tuning: all.slice(0, tuned), heldOut: all.slice(tuned, tuned + count) };
}

/** What a run of these settings computes, as a share of the baseline. */
function priceWith({ engine }: Laboratory, { steps, drawing }: DrawingBase) {
  return (setting: FrontSetting): Setting => {
    const { compute } = planOf(engine, drawing("a", 0, setting.controls));
    return { ...setting, compute: compute.planned / (2 * steps) };
  };
}

function conditionOf(
  { drawing }: DrawingBase,
  label: string,
  controls: Controls,
): Condition<TemplatePrompt> {
  return { label, drawing: ({ text }, seed): Drawing => drawing(text, seed, controls) };
}

const REFERENCE = "reference";

async function tune(
  { cache, scorers, manifest }: Laboratory,
  base: DrawingBase,
  { prompts, settings }: {
    readonly prompts: readonly TemplatePrompt[];
    readonly settings: readonly Setting[];
  },
): Promise<(Setting & Priced)[]> {
  const grid = await measureGrid(cache, {
    subjects: prompts,
    seeds: 1,
    conditions: [
      conditionOf(base, REFERENCE, referenceOf(manifest, base.steps)),
      ...settings.map(({ label, controls }) => conditionOf(base, label, controls)),
    ],
    metrics: [similarityMetric<TemplatePrompt>(scorers.similarity)],
    kept: 0,
  });
  return settings.map((setting) => ({
    ...setting,
    nearness: grid.mean(scorers.similarity.name, setting.label).value,
  }));
}

function chosenFrom(tuned: readonly (Setting & Priced)[]): Setting[] {
  const best = paretoFront(tuned);
  const affordable = BUDGETS.map((budget) => bestWithin(best, budget) ?? best[0]);
  return [...new Set(affordable)].filter((setting) => setting !== undefined);
}

function designOf(
  laboratory: Laboratory,
  base: DrawingBase,
  { prompts, pure, paper, chosen }: Shown,
): GridDesign<TemplatePrompt> {
  const { scorers, manifest } = laboratory;
  const all = [...pure, ...paper, ...chosen];
  const objects = scorers.classifier === null ? [] : namedMetrics<TemplatePrompt>(
    scorers.classifier,
    "prompt",
    ({ noun, attribute, kind }) => ({ noun, colour: kind === "colour" ? attribute : null }),
  );
  const names = [...nearnessNames(scorers), ...objects.map(({ name }) => name)];
  const shown = shownOf(pure, chosen);
  return {
    subjects: prompts,
    conditions: [
      conditionOf(base, REFERENCE, referenceOf(manifest, base.steps)),
      ...all.map(({ label, controls }) => conditionOf(base, label, controls)),
    ],
    metrics: [...nearnessMetrics(scorers), ...objects],
    async findings(grid) {
      const timed = [...pure.slice(0, 1), ...chosen];
      const times = await timeSettings(laboratory, base, { prompts, settings: timed });
      const found = { grid, pure, paper, chosen, names: nearnessNames(scorers) };
      return {
        tables: [
          ...tablesOf(grid, names, { pure, paper, chosen }),
          timeTable(timed, times),
        ],
        charts: charts(found),
        readings: readings(found, laboratory),
      };
    },
    sheet: {
      subjects: SHEET_PROMPTS,
      shows: (condition) => shown.some(({ label }) => label === condition),
      file: "front.webp",
      caption:
        "The first prompts of the report, none picked, one in each row: the whole compute, then less and " +
        "less, by the mixture and by fewer steps in turn.",
      columns: shown.length,
      tile: 112,
      labelOf: ({ subject: { text }, condition }) => `${text}: ${condition}`,
    },
  };
}

/** In the order of the conditions, which the sheet keeps. */
function shownOf(pure: readonly Setting[], chosen: readonly Setting[]): Setting[] {
  const nearest = (of: readonly Setting[], budget: number) =>
    of.filter(({ compute }) => compute <= budget).toSorted((a, b) => b.compute - a.compute)[0];
  const wanted = [
    pure[0],
    ...SHOWN.flatMap((budget) => [nearest(chosen, budget), nearest(pure.slice(1), budget)]),
  ];
  return [...new Set(wanted)].filter((setting) => setting !== undefined);
}

function tablesOf(
  grid: MeasuredGrid<TemplatePrompt>,
  metrics: readonly string[],
  { pure, paper, chosen }: Omit<Shown, "prompts">,
): ResultTable[] {
  const table = (title: string, settings: readonly Setting[]) =>
    gridTable(grid, {
      title,
      before: ["", "compute"],
      metrics,
      rows: settings.map(({ label, compute }) => ({ label, before: [compute.toFixed(3)] })),
    });
  return [
    table("Mixtures, tuned on other prompts", chosen),
    table("Fewer steps, guided throughout", pure),
    ...(paper.length > 0
      ? [table("The paper's text-free tail, and reuse on top of it", paper)]
      : []),
  ];
}

/** Each setting once in each round, after one run of each that warms up. */
async function timeSettings(
  laboratory: Laboratory,
  { drawing }: DrawingBase,
  { prompts, settings }: {
    readonly prompts: readonly TemplatePrompt[];
    readonly settings: readonly Setting[];
  },
): Promise<ReadonlyMap<string, Estimate>> {
  const times = new Map(settings.map(({ label }) => [label, [] as number[]]));
  const engine = await laboratory.openTimingEngine();
  const previews = { every: 0 };
  try {
    for (const [round, { text }] of [prompts[0]!, ...prompts.slice(0, TIMED_ROUNDS)].entries()) {
      for (const { label, controls } of settings) {
        const { timings } = await timeRun(engine, { ...drawing(text, 0, controls), previews });
        if (round > 0) times.get(label)!.push(timings.total_ms);
      }
    }
  } finally {
    await engine.close();
  }
  const baseline = times.get(settings[0]!.label)!;
  return new Map([...times].map(([label, milliseconds]) => [
    label,
    meanOf(milliseconds.map((each, round) => each / baseline[round]!)),
  ]));
}

function timeTable(
  settings: readonly Setting[],
  times: ReadonlyMap<string, Estimate>,
): ResultTable {
  return {
    title: `Time as a share of that of ${settings[0]?.label ?? "nothing"}`,
    columns: ["", "compute", "time"],
    rows: settings.map(({ label, compute }) => ({
      label,
      cells: [compute.toFixed(3), times.get(label)!],
    })),
  };
}

interface Found extends Omit<Shown, "prompts"> {
  readonly grid: MeasuredGrid<TemplatePrompt>;
  readonly names: readonly string[];
}

function charts({ grid, names, pure, paper, chosen }: Found): ResultChart[] {
  const families = Object.entries(
    Object.groupBy([...chosen, ...pure, ...paper], ({ family }) => family),
  );
  return names.map((name, i) => ({
    file: `front_${i + 1}.svg`,
    kind: "line" as const,
    chart: {
      title: `${name} against the compute`,
      x: "compute, 1 = DDIM with all steps guided",
      y: name,
      series: families.map(([family, settings = []]) => ({
        name: family,
        points: settings.filter(({ compute }) => compute <= 0.55)
          .toSorted((a, b) => a.compute - b.compute)
          .map(({ compute, label }) => ({ x: compute, y: grid.mean(name, label) })),
      })),
    },
  }));
}

const CLAIMED = [0.12, 0.16, 0.2, 0.25, 0.3];

function readings(
  { grid, pure, paper, chosen }: Found,
  { scorers: { similarity, alignment } }: Laboratory,
): Reading[] {
  const near = (settings: readonly Setting[]) =>
    settings.map((setting) => ({
      ...setting,
      nearness: grid.mean(similarity.name, setting.label).value,
    }));
  const [baseline] = pure;
  const ahead = CLAIMED.flatMap((budget): Reading[] => {
    const [own, other] = [bestWithin(near(chosen), budget), bestWithin(near(pure), budget)];
    if (!own || !other) return [];
    const claim =
      `within ${budget} of the compute ${own.label} is nearer to the converged image than ` +
      `the best of fewer steps, ${other.label}, by ${similarity.name}`;
    return [{ claim, difference: grid.difference(similarity.name, own.label, other.label) }];
  });
  const kept = alignment.flatMap((scorer): Reading[] => {
    const name = alignmentName(scorer, "prompt");
    const lost = (setting: Setting | undefined, from: Setting | undefined): Reading[] =>
      !setting || !from ? [] : [{
        claim:
          `${setting.label} is less aligned with the prompt than ${from.label}, by ${scorer.name}`,
        difference: grid.difference(name, from.label, setting.label),
      }];
    const pairs = paper.flatMap((setting, i) =>
      setting.family.endsWith("reuse") ? lost(setting, paper[i - 1]) : []
    );
    return [...chosen.flatMap((setting) => lost(setting, baseline)), ...pairs];
  });
  return [...ahead, ...kept];
}
