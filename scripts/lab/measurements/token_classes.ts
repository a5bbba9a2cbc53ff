/** Appendices E and F: measures what is left of the text when a token class loses its states. */
import type { GenerationRequestInput } from "../../../contract/mod.ts";
import type { MeasuredGrid } from "../grid/drawn_grid.ts";
import { drawingBase } from "../grid/drawing_base.ts";
import { gridExperiment } from "../grid/grid_experiment.ts";
import { gridTable, rowCharts } from "../grid/grid_figures.ts";
import {
  alignmentMetrics,
  alignmentName,
  alignmentNames,
  similarityMetric,
} from "../grid/metrics.ts";
import type { LaboratoryScorers } from "../laboratory/laboratory_scorers.ts";
import { unrelatedPrompt } from "../prompts/prompt_pair.ts";
import type { TemplatePrompt } from "../prompts/prompt_set.ts";
import type { Reading } from "../report/findings.ts";

type TokenStates = NonNullable<GenerationRequestInput["token_states"]>;

/** A prompt, and another that is unrelated to it. */
interface JudgedPrompt {
  readonly prompt: TemplatePrompt;
  readonly unrelated: TemplatePrompt;
}

const BASELINE = "Sem+EOS";
const CONDITIONS: readonly (readonly [label: string, states: TokenStates])[] = [
  [BASELINE, {}],
  ["Sem+Zero", { eos: "zeros" }],
  ["Sem+Rand", { eos: "noise" }],
  ["Zero+EOS", { semantic: "zeros" }],
  ["Rand+EOS", { semantic: "noise" }],
  ["all [SOS]", { semantic: "sos", eos: "sos" }],
  ["[SOS]+[EOS]", { semantic: "eos", eos: "eos" }],
];
const SIDES = ["prompt", "unrelated"] as const;
const SHEET_PROMPTS = 6;

export const tokenClasses = gridExperiment<JudgedPrompt>({
  name: "token-classes",
  title: "Words or [EOS] without their states",
  question: "Which class of tokens carries the prompt: the words, [EOS] or [SOS]?",
  counted: "prompts",
  standard: { count: 60, seeds: 1 },
  paper: [
    "Appendix F, Table 3 (its numbers are not known): keeping [EOS] and replacing the words (Zero+EOS, " +
    "Rand+EOS) is significantly better than the reverse; Zero+EOS looks best, and all but Sem+Rand still " +
    "give meaningful images.",
    "Appendix E (pictures only): with every state that of [SOS] no text is conveyed; with [SOS] and 76 times " +
    "the first [EOS] it is.",
  ],
  method: [
    "Zero puts zeros, Rand standard normal noise of one fixed seed in place of the states; [EOS] means the " +
    "first one and the padding. Only the conditional rows see it, in all steps. [SOS] keeps its state.",
    "The columns `unrelated` score the same image with a prompt that shares nothing with its own: what no " +
    "text at all would get.",
  ],
  design(laboratory, sizes) {
    const { alignment, similarity } = laboratory.scorers;
    const { drawing } = drawingBase(laboratory, sizes);
    const labels = CONDITIONS.map(([label]) => label);
    return {
      subjects: withUnrelated(
        laboratory.prompts(sizes.count, sizes.attributes),
        laboratory.allPrompts(sizes.attributes),
      ),
      conditions: CONDITIONS.map(([label, token_states]) => ({
        label,
        drawing: ({ prompt }, seed) =>
          drawing(prompt.text, seed, label === BASELINE ? {} : { token_states }),
      })),
      metrics: [
        ...SIDES.flatMap((side) =>
          alignmentMetrics<JudgedPrompt>(alignment, side, (each) => each[side].text)
        ),
        similarityMetric(similarity),
      ],
      findings: (grid) => ({
        tables: [gridTable(grid, {
          title: "Alignment with the prompt, and image CLIPScore to Sem+EOS (Table 3)",
          metrics: [...alignmentNames(alignment, SIDES), similarity.name],
          rows: labels.map((label) => ({ label })),
        })],
        charts: rowCharts(grid, {
          file: "token-classes",
          names: alignment.map(({ name }) => name),
          titleOf: (name) => `${name} without the states of a class`,
          sides: SIDES,
          conditions: labels,
        }),
        readings: readings(grid, laboratory.scorers),
      }),
      sheet: {
        subjects: SHEET_PROMPTS,
        file: "token-classes.webp",
        caption: "The first prompts, none picked, one in each row.",
        columns: CONDITIONS.length,
        tile: 112,
        labelOf: ({ subject: { prompt }, condition }) => `${prompt.text}: ${condition}`,
      },
    };
  },
});

/** @param all source of the unrelated ones; each prompt searches from the one after it */
function withUnrelated(
  prompts: readonly TemplatePrompt[],
  all: readonly TemplatePrompt[],
): JudgedPrompt[] {
  return prompts.map((prompt, i) => ({
    prompt,
    unrelated: unrelatedPrompt({ a: prompt, b: prompt }, all, i + 1),
  }));
}

function readings(grid: MeasuredGrid<JudgedPrompt>, { alignment }: LaboratoryScorers): Reading[] {
  return alignment.flatMap((scorer) => {
    const [prompt, unrelated] = SIDES.map((side) => alignmentName(scorer, side));
    const better = (one: string, other: string) => ({
      claim: `${one} gives more alignment than ${other} by ${scorer.name}`,
      difference: grid.difference(prompt!, one, other),
    });
    const conveys = (label: string) => ({
      claim: `${label} is nearer to its prompt than to an unrelated one by ${scorer.name}`,
      difference: grid.between([prompt!, label], [unrelated!, label]),
    });
    return [
      better("Zero+EOS", "Sem+Zero"),
      better("Rand+EOS", "Sem+Rand"),
      conveys("Sem+Rand"),
      conveys("all [SOS]"),
      conveys("[SOS]+[EOS]"),
    ];
  });
}
