/** Figs. 7 and 8: finds the steps that need the text at all. */
import type { Condition, MeasuredGrid } from "../grid/drawn_grid.ts";
import { type DrawingBase, drawingBase, stepsAt } from "../grid/drawing_base.ts";
import { gridExperiment } from "../grid/grid_experiment.ts";
import { relativePoints } from "../grid/grid_figures.ts";
import { alignmentName, L1, nearnessMetrics, nearnessNames } from "../grid/metrics.ts";
import {
  STEP_WINDOWS,
  type StepWindow,
  windowLabel,
  windowPlaces,
  windowTable,
} from "../grid/step_window.ts";
import type { Laboratory } from "../laboratory/laboratory.ts";
import type { LaboratoryScorers } from "../laboratory/laboratory_scorers.ts";
import type { TemplatePrompt } from "../prompts/prompt_set.ts";
import type { Reading, ResultChart } from "../report/findings.ts";
import type { Estimate } from "../statistics/estimate.ts";
import { meanOverSeeds, stepCurve, stepPoints } from "../statistics/step_curve.ts";

const FULL = "all steps";
const SHARES = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1];
const EARLY = 0.4;
const SHEET_PROMPTS = 3;

export const textWindow = gridExperiment<TemplatePrompt>({
  name: "text-window",
  title: "The text in a window of steps",
  question: "Is the text needed in the first steps or in the last?",
  counted: "prompts",
  standard: { count: 40, seeds: 1 },
  paper: [
    "Section 5.2, Figs. 7 and 8: with w = 7.5 for t in [0, a) and w = 0 for t in [a, 50], so with the text " +
    "in the last a of 50 steps only, the distance to the image with text throughout becomes small only " +
    "for large a, from 30 to 50: text in the last steps does little. Curves only, no numbers.",
    "Fig. 8b: the norm of w (cond - uncond) per dimension falls towards the image.",
  ],
  method: [
    "`last k` is the paper's window with a = k: the empty prompt alone first, guidance in the last k steps. " +
    "`first k` is its mirror image and the paper's eq. 9: guidance in the first k steps, the empty prompt " +
    "alone after them.",
    "L1 is the mean absolute difference of the pixels to the image with text in all steps, as a share of " +
    "their range; image CLIPScore is held against the same image.",
    "Relative figures in the charts are (current - worst) / (best - worst) of the means along each curve; " +
    "for L1 the best is the least.",
  ],
  design(laboratory, sizes) {
    const { scorers } = laboratory;
    const base = drawingBase(laboratory, sizes);
    const lengths = stepsAt(SHARES, base.steps);
    const prompts = laboratory.prompts(sizes.count, sizes.attributes);
    return {
      subjects: prompts,
      conditions: [
        { label: FULL, drawing: ({ text }, seed) => base.drawing(text, seed) },
        ...STEP_WINDOWS.flatMap((window) => lengths.map((k) => condition(base, window, k))),
      ],
      metrics: nearnessMetrics(scorers),
      async findings(grid) {
        const { seeds } = sizes;
        const guidance = await observeGuidance(laboratory, base, { prompts, seeds });
        return {
          tables: STEP_WINDOWS.map((window) => {
            const title = `The text in the ${window} k steps, against the text in all steps`;
            return windowTable(grid, nearnessNames(scorers), { title, window, lengths });
          }),
          charts: [...charts(grid, lengths, scorers), guidanceChart(guidance, base.steps)],
          readings: readings(grid, base.steps, scorers),
        };
      },
      sheet: {
        subjects: SHEET_PROMPTS,
        shows: (condition) => condition !== FULL,
        file: "text-window.webp",
        caption:
          "The first prompts, none picked; for each a row with the text in the first k steps, then " +
          "one with the text in the last k.",
        columns: lengths.length,
        tile: 96,
        labelOf: ({ subject: { text }, condition }) => `${text}: ${condition}`,
      },
    };
  },
});

interface GuidanceCurves {
  readonly unconditional: readonly Estimate[];
  readonly guidance: readonly Estimate[];
}

/** Measures norms per dimension in each step of the runs with text in all steps (Fig. 8b). */
async function observeGuidance(
  { runs }: Laboratory,
  { drawing }: DrawingBase,
  { prompts, seeds }: { readonly prompts: readonly TemplatePrompt[]; readonly seeds: number },
): Promise<GuidanceCurves> {
  const ofPrompts: { readonly unconditional: number[]; readonly guidance: number[] }[] = [];
  for (const { text } of prompts) {
    const observed = [];
    for (let seed = 0; seed < seeds; seed++) {
      const run = await runs.observe(drawing(text, seed), "guidance");
      observed.push(run.eventsOf("generation.guidance"));
    }
    ofPrompts.push({
      unconditional: meanOverSeeds(
        observed.map((run) => run.map(({ unconditional_norm }) => unconditional_norm)),
      ),
      guidance: meanOverSeeds(observed.map((run) => run.map(({ guidance_norm }) => guidance_norm))),
    });
  }
  return {
    unconditional: stepCurve(ofPrompts.map(({ unconditional }) => unconditional)),
    guidance: stepCurve(ofPrompts.map(({ guidance }) => guidance)),
  };
}

function guidanceChart({ unconditional, guidance }: GuidanceCurves, steps: number): ResultChart {
  return {
    file: "text-window_guidance.svg",
    kind: "line",
    chart: {
      title: "Norms per dimension of the prediction without text and of what guidance adds",
      x: `step of ${steps}, from the noise`,
      y: "norm per dimension",
      series: [
        { name: "prediction for the empty prompt", points: stepPoints(unconditional) },
        { name: "w (cond - uncond)", points: stepPoints(guidance) },
      ],
    },
  };
}

function condition(
  { drawing, steps }: DrawingBase,
  window: StepWindow,
  k: number,
): Condition<TemplatePrompt> {
  const cutoff = window === "first"
    ? { guided_steps: k, tail: "null" as const }
    : { guided_from: steps - k, guided_steps: k, head: "null" as const };
  return {
    label: windowLabel(window, k),
    drawing: ({ text }, seed) => drawing(text, seed, { cutoff }),
  };
}

function charts(
  grid: MeasuredGrid<TemplatePrompt>,
  lengths: readonly number[],
  { similarity }: LaboratoryScorers,
): ResultChart[] {
  return [L1, similarity.name].map((name, i) => {
    const nearness = name === L1 ? "L1, 1 is nearest" : name;
    return {
      file: `text-window_${i + 1}.svg`,
      kind: "line" as const,
      chart: {
        title: `Nearness to the image with text in all steps, by ${name}`,
        x: "k steps with text",
        y: `relative ${nearness}`,
        series: STEP_WINDOWS.map((window) => ({
          name: `text in the ${window} k`,
          points: relativePoints(grid, name, windowPlaces(window, lengths), name === L1 ? -1 : 1),
        })),
      },
    };
  });
}

function readings(
  grid: MeasuredGrid<TemplatePrompt>,
  steps: number,
  { similarity, alignment }: LaboratoryScorers,
): Reading[] {
  const early = Math.round(EARLY * steps);
  const [first, last] = [windowLabel("first", early), windowLabel("last", steps - early)];
  const words = `the text in the first ${early} steps alone`;
  const rest = `the text in the last ${steps - early} alone`;
  return [
    {
      claim: `${words} leaves the image nearer to that with text in all steps than ${rest}, by L1`,
      difference: grid.difference(L1, last, first),
    },
    {
      claim: `the same by ${similarity.name}`,
      difference: grid.difference(similarity.name, first, last),
    },
    ...alignment.map((scorer) => ({
      claim: `${words} gives more alignment with the prompt than ${rest}, by ${scorer.name}`,
      difference: grid.difference(alignmentName(scorer, "prompt"), first, last),
    })),
  ];
}
