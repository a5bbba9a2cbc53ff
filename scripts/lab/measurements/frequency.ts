/** Fig. 2: compares low frequencies, the shape, with high ones, the details. */
import { alphasCumprod, type SchedulerConfig } from "../../../gpu-function/diffusion/mod.ts";
import { startBar } from "../grid/drawn_grid.ts";
import { drawingBase, stepsAt } from "../grid/drawing_base.ts";
import { average, type Estimate, meanOf } from "../statistics/estimate.ts";
import type { Experiment } from "../experiments/experiment.ts";
import type { Reading, ResultChart, ResultTable } from "../report/findings.ts";
import type { Drawing } from "../drawings/generation_cache.ts";
import type { Laboratory } from "../laboratory/laboratory.ts";
import type { ObservedRun } from "../drawings/observed_runs.ts";
import { meanOverSeeds, stepCurve, stepPoints } from "../statistics/step_curve.ts";

const BANDS = ["low", "high"] as const;
const SHARES = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1];
const EARLY_STEPS = [0.2, 0.4];

type Bands<T> = Readonly<Record<(typeof BANDS)[number], T>>;

/** Means over the seeds of one prompt. */
interface PromptFrequency {
  /** Norms of the latents as the model sees them, per step. */
  readonly norms: Bands<readonly number[]>;
  /** |x_t - x_0| / |x_0| of the latents, and of the predicted x0, per step. */
  readonly variation: Bands<readonly number[]>;
  readonly predicted: Bands<readonly number[]>;
  readonly final: Bands<number>;
}

interface ObservedFrequency {
  readonly prompts: readonly PromptFrequency[];
  /** Expected norms of standard normal noise. */
  readonly noise: Bands<number>;
  /** Number of bins in a channel. */
  readonly bins: Bands<number>;
  /** Values per step; null for a schedule that mixes image and noise in another way. */
  readonly alphas: readonly number[] | null;
}

export const frequency: Experiment = {
  name: "frequency",
  title: "Low and high frequencies of the latents",
  question: "Are the low frequencies settled before the high ones?",
  counted: "prompts",
  standard: { count: 40, seeds: 1 },
  async measure(laboratory, sizes) {
    const { drawing, steps } = drawingBase(laboratory, sizes);
    const prompts = laboratory.prompts(sizes.count, sizes.attributes);
    const observed = await observeFrequency(
      laboratory,
      prompts.map(({ text }) =>
        Array.from({ length: sizes.seeds }, (_, seed) => drawing(text, seed))
      ),
    );
    return {
      findings: {
        paper: PAPER,
        method: METHOD,
        tables: [variationTable(observed, steps), normTable(observed)],
        charts: [normChart(observed, steps), variationChart(observed, steps)],
        readings: readings(observed, steps),
      },
      sheets: [],
    };
  },
};

const PAPER = [
  "Section 4.2, Fig. 2b: the image's energy is mostly low; the noise's high part is the larger one only " +
  "because it has 80 % of the bins. Fig. 2c: along noising and denoising the variation ratio of the low " +
  "part is the smaller one, so low frequencies, the shape, are rebuilt first. Curves only.",
];
const METHOD = [
  "The low band is the smallest disc of Fourier bins around frequency 0 that holds a fifth of them, for each " +
  "channel of the latents; the paper's own mask is not known. Norms are normalised as the paper's, 1/(MN).",
  "Variation is |x_t - x_0| / |x_0| within a band, x_0 the final latents; of the latents on their way, and of " +
  "the x0 that the model predicts in each step.",
  "Dashes are theory: sqrt(alpha) |x_0| and sqrt(1 - alpha) |noise| for each band, from the model's noise " +
  "schedule, the final latents and the expected norm of normal noise.",
];

async function observeFrequency(
  { runs, schedulerConfig }: Laboratory,
  drawings: readonly (readonly Drawing[])[],
): Promise<ObservedFrequency> {
  const prompts: PromptFrequency[] = [];
  let first: ObservedRun | null = null;
  const bar = startBar(drawings.flat().length);
  try {
    for (const ofPrompt of drawings) {
      const observed: ObservedRun[] = [];
      for (const drawing of ofPrompt) {
        observed.push(await runs.observe(drawing, "frequency"));
        bar.increment();
      }
      first ??= observed[0]!;
      prompts.push(ofRuns(observed));
    }
  } finally {
    bar.stop();
  }
  const { noise, bins } = first!.eventOf("generation.frequency_summary");
  return { prompts, noise, bins, alphas: alphasOf(first!, schedulerConfig) };
}

/** Returns the signal that each step's latents hold (ᾱ), for a schedule with betas. */
function alphasOf(run: ObservedRun, config: SchedulerConfig): number[] | null {
  if (config.prediction_type === "flow") return null;
  const alphas = alphasCumprod(config);
  return run.eventsOf("generation.step").map(({ timestep }) => alphas[Math.round(timestep)]!);
}

function ofRuns(runs: readonly ObservedRun[]): PromptFrequency {
  const summaries = runs.map((run) => run.eventOf("generation.frequency_summary"));
  const inBands = <T>(of: (band: (typeof BANDS)[number]) => T) => ({
    low: of("low"),
    high: of("high"),
  });
  return {
    norms: inBands((band) =>
      meanOverSeeds(
        runs.map((run) => run.eventsOf("generation.frequency").map(({ x }) => x[band])),
      )
    ),
    variation: inBands((band) =>
      meanOverSeeds(summaries.map(({ variation }) => variation.map(({ x }) => x[band] ?? NaN)))
    ),
    predicted: inBands((band) =>
      meanOverSeeds(summaries.map(({ variation }) => variation.map(({ x0 }) => x0[band] ?? NaN)))
    ),
    final: inBands((band) => average(summaries.map(({ final }) => final[band]))),
  };
}

function variationTable({ prompts }: ObservedFrequency, steps: number): ResultTable {
  const curves = [
    ...BANDS.map((band) => stepCurve(prompts.map(({ variation }) => variation[band]))),
    ...BANDS.map((band) => stepCurve(prompts.map(({ predicted }) => predicted[band]))),
  ];
  return {
    title: "Variation ratio by step (Fig. 2c)",
    columns: ["step", "x, low", "x, high", "predicted x0, low", "predicted x0, high"],
    rows: stepsAt(SHARES, steps - 1).map((step) => ({
      label: String(step),
      cells: curves.map((curve) => curve[step]!),
    })),
  };
}

function normTable({ prompts, noise, bins }: ObservedFrequency): ResultTable {
  return {
    title: "Norms of image and noise in each band (Fig. 2b)",
    columns: ["", ...BANDS],
    rows: [
      {
        label: "final latents",
        cells: BANDS.map((band) => meanOf(prompts.map(({ final }) => final[band]))),
      },
      { label: "normal noise, expected", cells: BANDS.map((band) => noise[band].toFixed(3)) },
      { label: "bins of a channel", cells: BANDS.map((band) => String(bins[band])) },
    ],
  };
}

function normChart({ prompts, noise, alphas }: ObservedFrequency, steps: number): ResultChart {
  const measured = BANDS.map((band) => ({
    name: `x, ${band}`,
    points: stepPoints(stepCurve(prompts.map(({ norms }) => norms[band]))),
  }));
  const theory = alphas === null ? [] : BANDS.flatMap((band) => [
    {
      name: `image's part, ${band}`,
      theory: true,
      points: stepPoints(
        alphas.map((alpha) => meanOf(prompts.map(({ final }) => Math.sqrt(alpha) * final[band]))),
      ),
    },
    {
      name: `noise's part, ${band}`,
      theory: true,
      points: stepPoints(alphas.map((alpha) => exactly(Math.sqrt(1 - alpha) * noise[band]))),
    },
  ]);
  return {
    file: "frequency_norms.svg",
    kind: "line",
    chart: {
      title: "Norms of the latents in each band",
      x: `step of ${steps}, from the noise`,
      y: "norm",
      series: [...measured, ...theory],
    },
  };
}

function variationChart({ prompts }: ObservedFrequency, steps: number): ResultChart {
  return {
    file: "frequency_variation.svg",
    kind: "line",
    chart: {
      title: "Distance to the final latents in each band",
      x: `step of ${steps}, from the noise`,
      y: "variation ratio",
      series: BANDS.flatMap((band) => [
        {
          name: `x, ${band}`,
          points: stepPoints(stepCurve(prompts.map(({ variation }) => variation[band]))),
        },
        {
          name: `predicted x0, ${band}`,
          points: stepPoints(stepCurve(prompts.map(({ predicted }) => predicted[band]))),
        },
      ]),
    },
  };
}

/** Wraps a number that was not measured. */
function exactly(value: number): Estimate {
  return { value, low: value, high: value, count: 1 };
}

function readings({ prompts }: ObservedFrequency, steps: number): Reading[] {
  return [
    {
      claim: "the image has more energy in its low band than in its high one",
      difference: meanOf(prompts.map(({ final }) => final.low - final.high)),
    },
    ...EARLY_STEPS.map((share) => {
      const step = Math.round(share * (steps - 1));
      return {
        claim:
          `at step ${step} of ${steps} the predicted x0 is nearer to the end in its low band than in ` +
          "its high one",
        difference: meanOf(
          prompts.map(({ predicted }) => predicted.high[step]! - predicted.low[step]!),
        ),
      };
    }),
    {
      claim: `at step ${
        Math.round(EARLY_STEPS[1]! * (steps - 1))
      } of ${steps} the same holds for the latents`,
      difference: meanOf(prompts.map(({ variation }) => {
        const step = Math.round(EARLY_STEPS[1]! * (steps - 1));
        return variation.high[step]! - variation.low[step]!;
      })),
    },
  ];
}
