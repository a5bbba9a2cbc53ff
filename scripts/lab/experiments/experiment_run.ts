/** Runs an experiment of the paper, from its command line to its report. */
import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { ENGINE_VERSION, type ModelManifest } from "../../../contract/mod.ts";
import { lineChart, rowChart } from "../report/chart.ts";
import type { Experiment, Measured } from "./experiment.ts";
import type { Sizes } from "../laboratory/sizes.ts";
import { experimentReport, notesFile } from "../report/experiment_report.ts";
import type { ExperimentResult } from "../report/experiment_result.ts";
import type { ResultChart } from "../report/findings.ts";
import { writeWhole } from "../../command_line/whole_file.ts";
import { openLaboratory } from "../laboratory/laboratory.ts";
import {
  experimentHelp,
  type ExperimentOptions,
  parseExperimentFlags,
} from "./laboratory_flags.ts";

/** Measures, writes Markdown, JSON, charts and sheets, and prints the report's path. */
export async function runExperiment(
  experiment: Experiment,
  args: readonly string[],
): Promise<void> {
  const key = Deno.env.get("VISION_API_KEY") ?? null;
  const options = parseExperimentFlags(args, experiment, key);
  if (options === null) return console.log(experimentHelp(experiment));
  console.log(experiment.title);
  const laboratory = await openLaboratory(options);
  try {
    const measured = await experiment.measure(laboratory, options.sizes);
    const scorers = [...laboratory.scorers.alignment, laboratory.scorers.similarity];
    const result = resultOf(experiment, options, laboratory.manifest, {
      scorers: scorers.map(({ name }) => name),
      findings: measured.findings,
    });
    console.log(await write(options.out, result, measured));
  } finally {
    await laboratory.close();
  }
}

function resultOf(
  experiment: Experiment,
  { sizes, model, provider }: ExperimentOptions,
  { digest, defaults }: ModelManifest,
  found: Pick<ExperimentResult, "scorers" | "findings">,
): ExperimentResult {
  const { name, title, question, counted } = experiment;
  const { width, height, guidance_scale, num_inference_steps } = defaults;
  const steps = sizes.steps ?? num_inference_steps;
  return {
    experiment: name,
    title,
    question,
    command: commandOf(name, { model, provider }, { ...sizes, steps }),
    date: new Date().toISOString().slice(0, 10),
    model: {
      id: model,
      digest,
      engine_version: ENGINE_VERSION,
      provider,
      width,
      height,
      guidance_scale,
    },
    sizes: { ...sizes, steps, counted },
    ...found,
  };
}

/** Spells the sizes out, so that the command means the same when defaults change. */
function commandOf(
  name: string,
  { model, provider }: Pick<ExperimentOptions, "model" | "provider">,
  { count, seeds, steps, attributes }: Sizes,
): string {
  const kind = attributes.length > 1 ? "both" : attributes[0];
  const where = provider === "cpu" ? "" : ` --provider ${provider}`;
  return `deno task lab ${name} --model ${model}${where} --count ${count} --seeds ${seeds} ` +
    `--steps ${steps} --attributes ${kind}`;
}

/** @returns the report's path */
async function write(
  folder: string,
  result: ExperimentResult,
  { sheets, findings }: Measured,
): Promise<string> {
  const { experiment } = result;
  await mkdir(folder, { recursive: true });
  for (const { file, image } of sheets) await writeWhole(join(folder, file), image);
  for (const chart of findings.charts) await writeWhole(join(folder, chart.file), draw(chart));
  const notes = join(folder, notesFile(experiment));
  const written = existsSync(notes) ? (await readFile(notes, "utf8")).trim() : null;
  await writeWhole(join(folder, `${experiment}.json`), JSON.stringify(result, null, 2) + "\n");
  const report = join(folder, `${experiment}.md`);
  await writeWhole(report, experimentReport(result, sheets, written));
  return report;
}

function draw(chart: ResultChart): string {
  return chart.kind === "line" ? lineChart(chart.chart) : rowChart(chart.chart);
}
