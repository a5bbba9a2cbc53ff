/** Figs. 1 and 3: measures which tokens get attention, and when the maps have found the shape. */
import type { PromptToken } from "../../../contract/mod.ts";
import { overlayHeatMap } from "../../pictures/heat_map.ts";
import { decodeTokenMaps } from "../../../gpu-function/engine/token_maps.ts";
import { type Cell, contactSheet } from "../../pictures/contact_sheet.ts";
import { startBar } from "../grid/drawn_grid.ts";
import { drawingBase, stepsAt } from "../grid/drawing_base.ts";
import { average, type Estimate, meanOf } from "../statistics/estimate.ts";
import type { Experiment } from "../experiments/experiment.ts";
import type { Reading, ResultChart, ResultSheet, ResultTable } from "../report/findings.ts";
import type { Laboratory } from "../laboratory/laboratory.ts";
import type { Drawing } from "../drawings/generation_cache.ts";
import type { ObservedRun } from "../drawings/observed_runs.ts";
import { meanOverSeeds, stepCurve, stepPoints, type StepValues } from "../statistics/step_curve.ts";

const CLASSES = ["sos", "semantic", "eos"] as const;
const CLASS_NAMES = { sos: "[SOS]", semantic: "words", eos: "[EOS]" } as const;
const SHARES = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1];
const EARLY = 0.2;
const MAPS = 5;
const SHEET_PROMPTS = 2;

/** Means over the seeds of one prompt. */
interface PromptAttention {
  /** Shares by class and step. */
  readonly shares: Readonly<Record<(typeof CLASSES)[number], readonly number[]>>;
  readonly relativeF1: readonly number[];
  /** Share of the run after which the relative F1 stays above the level; 1 if it never does. */
  readonly reached: number;
}

interface ObservedAttention {
  readonly prompts: readonly PromptAttention[];
  /** Runs of the first prompts with seed 0. */
  readonly kept: readonly ObservedRun[];
  readonly level: number;
}

export const attention: Experiment = {
  name: "attention",
  title: "What the image looks at",
  question:
    "How early do the words' attention maps have the image's shape, and which tokens get the attention?",
  counted: "prompts",
  standard: { count: 40, seeds: 1 },
  async measure(laboratory, sizes) {
    const { drawing, steps } = drawingBase(laboratory, sizes);
    const prompts = laboratory.prompts(sizes.count, sizes.attributes);
    const drawings = prompts.map(({ text }) =>
      Array.from({ length: sizes.seeds }, (_, seed) => drawing(text, seed))
    );
    const observed = await observeAttention(laboratory, drawings, steps);
    const curves = curvesOf(observed.prompts);
    return {
      findings: {
        paper: PAPER,
        method: METHOD,
        tables: [stepTable(curves, steps), reachedTable(observed)],
        charts: charts(curves, steps),
        readings: readings(observed, steps),
      },
      sheets: [await sheet(observed.kept)],
    };
  },
};

const PAPER = [
  "Section 4.1, Fig. 1: edges of each token's cross-attention map against those of the image, F1 relative to " +
  "the last step's, come close to the final ones early; at t = 40 of 50 the maps have a semantic shape. " +
  "A curve only; thresholds and sizes are not given.",
  "Fig. 3: [SOS] gets more than 0.9 of the attention in every step, words and [EOS] share the rest.",
];
const METHOD = [
  "Weights of the row that sees the prompt, means over heads and places of a layer, then over layers. " +
  "[EOS] counts the first one and the padding.",
  "Edges by Canny's method on one canvas for maps and image, F1 with a tolerance of half a cell of the " +
  "maps, relative to that of the last step, mean over the words whose last map agrees with the image at all.",
  "A prompt whose relative F1 never stays above the level counts as reaching it at the end.",
];

async function observeAttention(
  { runs }: Laboratory,
  drawings: readonly (readonly Drawing[])[],
  steps: number,
): Promise<ObservedAttention> {
  const prompts: PromptAttention[] = [];
  const kept: ObservedRun[] = [];
  let level = NaN;
  const bar = startBar(drawings.flat().length);
  try {
    for (const [i, ofPrompt] of drawings.entries()) {
      const observed: ObservedRun[] = [];
      for (const drawing of ofPrompt) {
        const mapEvery = Math.max(1, Math.round(steps / MAPS));
        observed.push(await runs.observe(drawing, "attention", mapEvery));
        bar.increment();
      }
      prompts.push(ofRuns(observed, steps));
      level = observed[0]!.eventOf("generation.attention_summary").convergence.level;
      if (i < SHEET_PROMPTS) kept.push(observed[0]!);
    }
  } finally {
    bar.stop();
  }
  return { prompts, kept, level };
}

function ofRuns(runs: readonly ObservedRun[], steps: number): PromptAttention {
  const share = (kind: (typeof CLASSES)[number]) =>
    meanOverSeeds(
      runs.map((run) => run.eventsOf("generation.attention").map(({ shares }) => shares[kind])),
    );
  const found = runs.map((run) => run.eventOf("generation.attention_summary").convergence);
  return {
    shares: { sos: share("sos"), semantic: share("semantic"), eos: share("eos") },
    relativeF1: meanOverSeeds(found.map(({ relative_f1 }) => relative_f1.map((f1) => f1 ?? NaN))),
    reached: average(found.map(({ reached }) => (reached ?? steps) / steps)),
  };
}

interface Curves {
  readonly shares: Readonly<Record<(typeof CLASSES)[number], readonly Estimate[]>>;
  readonly relativeF1: readonly Estimate[];
}

function curvesOf(prompts: readonly PromptAttention[]): Curves {
  const share = (kind: (typeof CLASSES)[number]): StepValues =>
    prompts.map(({ shares }) => shares[kind]);
  return {
    shares: {
      sos: stepCurve(share("sos")),
      semantic: stepCurve(share("semantic")),
      eos: stepCurve(share("eos")),
    },
    relativeF1: stepCurve(prompts.map(({ relativeF1 }) => relativeF1)),
  };
}

function stepTable({ shares, relativeF1 }: Curves, steps: number): ResultTable {
  return {
    title: "Shares of the attention and agreement of edges by step (Figs. 1b and 3)",
    columns: ["step", ...CLASSES.map((kind) => CLASS_NAMES[kind]), "relative F1"],
    rows: stepsAt(SHARES, steps - 1).map((step) => ({
      label: String(step),
      cells: [...CLASSES.map((kind) => shares[kind][step]!), relativeF1[step]!],
    })),
  };
}

function reachedTable({ prompts, level }: ObservedAttention): ResultTable {
  return {
    title: "When the shape is found",
    columns: ["", "share of the steps"],
    rows: [{
      label: `from here on the relative F1 is at least ${level}`,
      cells: [meanOf(prompts.map(({ reached }) => reached))],
    }],
  };
}

function charts({ shares, relativeF1 }: Curves, steps: number): ResultChart[] {
  return [
    {
      file: "attention_convergence.svg",
      kind: "line",
      chart: {
        title: "Edges of the words' maps against those of the image",
        x: `step of ${steps}, from the noise`,
        y: "relative F1",
        series: [{ name: "mean over words", points: stepPoints(relativeF1) }],
      },
    },
    {
      file: "attention_shares.svg",
      kind: "line",
      chart: {
        title: "Attention by class of tokens",
        x: `step of ${steps}, from the noise`,
        y: "share",
        series: CLASSES.map((kind) => ({
          name: CLASS_NAMES[kind],
          points: stepPoints(shares[kind]),
        })),
      },
    },
  ];
}

function readings({ prompts, level }: ObservedAttention, steps: number): Reading[] {
  const early = Math.round(EARLY * (steps - 1));
  const sosShare = ({ shares }: PromptAttention) => average(shares.sos);
  return [
    {
      claim: "[SOS] gets more than 0.9 of the attention, mean over the steps",
      difference: meanOf(prompts.map((prompt) => sosShare(prompt) - 0.9)),
    },
    {
      claim: "[EOS] gets more attention than the words, mean over the steps",
      difference: meanOf(
        prompts.map(({ shares }) => average(shares.eos) - average(shares.semantic)),
      ),
    },
    {
      claim: `at step ${early} of ${steps} the relative F1 is above ${level}`,
      difference: meanOf(
        prompts.map(({ relativeF1 }) => relativeF1[early]! - level)
          .filter((value) => !Number.isNaN(value)),
      ),
    },
    {
      claim: `the relative F1 stays above ${level} from before half of the steps on`,
      difference: meanOf(prompts.map(({ reached }) => 0.5 - reached)),
    },
  ];
}

/** Draws a row for each word: its map over the image at some steps, then the image. */
async function sheet(kept: readonly ObservedRun[]): Promise<ResultSheet> {
  const rows = kept.flatMap((run) => {
    const shown = run.eventsOf("generation.attention")
      .flatMap(({ step, maps }) => maps === null ? [] : [{ step, maps }]);
    const words = run.plan.tokens.prompt.filter(({ class: kind }) => kind === "semantic");
    return words.map((word, i): Cell[] => [
      ...shown.map(({ step, maps }) => ({
        image: overlayHeatMap(run.image, decodeTokenMaps(maps)[i]!),
        label: `${shownWord(word)}, step ${step}`,
      })),
      { image: run.image, label: run.plan.prompt },
    ]);
  });
  return {
    file: "attention.webp",
    caption:
      "The first prompts, none picked: where each word is looked at, from dark to bright, and the image.",
    image: await contactSheet(rows.flat(), { columns: rows[0]?.length ?? 1, tile: 96 }, "webp"),
  };
}

/** Removes CLIP's mark of a word's end. */
function shownWord({ token }: PromptToken): string {
  return token.replace("</w>", "");
}
