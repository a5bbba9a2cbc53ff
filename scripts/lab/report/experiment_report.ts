/** Writes `<experiment>.md` from what was found. Pure. */
import type { ExperimentResult } from "./experiment_result.ts";
import { type Findings, type Reading, type ResultTable, verdictOf } from "./findings.ts";
import { showNumber } from "./shown_estimate.ts";

export interface ShownSheet {
  readonly file: string;
  readonly caption: string;
}

/** @param notes a person's remarks; null when there are none yet */
export function experimentReport(
  result: ExperimentResult,
  sheets: readonly ShownSheet[],
  notes: string | null,
): string {
  const { findings, title, question } = result;
  return [
    `# ${title}`,
    question,
    runSection(result),
    section("What the paper says", list(findings.paper)),
    section("Measured", measuredSection(findings, sheets)),
    section("Read from the figures", readingSection(findings.readings)),
    section("Read by a person", notes ?? nobodyYet(result)),
    section("How it was measured", list(findings.method)),
  ].join("\n\n") + "\n";
}

function runSection({ command, date, model, sizes, scorers }: ExperimentResult): string {
  const { count, counted, seeds, steps, attributes } = sizes;
  return [
    `Written by \`${command}\` on ${date}. Model ${model.id}, digest \`${model.digest}\`, engine ` +
    `${model.engine_version} on ${model.provider}, ${model.width}x${model.height}, guidance scale ` +
    `${model.guidance_scale}, ${steps} steps unless said otherwise.`,
    `${count} ${counted} (${attributes.join(" and ")}), ${seeds} ${
      seeds === 1 ? "seed" : "seeds"
    } each. Scorers: ${scorers.join(", ")}.`,
    "Brackets hold 95 % bootstrap intervals and n, the number of subjects resampled: prompts or " +
    "pairs, each the mean over its seeds.",
  ].join("\n\n");
}

function measuredSection(
  { tables, charts }: Findings,
  sheets: readonly ShownSheet[],
): string {
  return [
    ...tables.map(showTable),
    ...charts.map(({ file, chart }) => `![${chart.title}](${file})`),
    ...sheets.map(({ file, caption }) => `![${caption}](${file})\n\n${caption}`),
  ].join("\n\n");
}

function showTable({ title, columns, rows }: ResultTable): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const body = rows.map(({ label, cells }) =>
    line([label, ...cells.map((cell) => typeof cell === "string" ? cell : showNumber(cell))])
  );
  return [`**${title}**`, [line(columns), line(columns.map(() => "---")), ...body].join("\n")]
    .join("\n\n");
}

function readingSection(readings: readonly Reading[]): string {
  return list(
    readings.map((reading) =>
      `${verdictOf(reading)}: ${reading.claim}; difference ${showNumber(reading.difference)}`
    ),
  );
}

function nobodyYet({ experiment }: ExperimentResult): string {
  return `Nobody has yet. What stands in \`${
    notesFile(experiment)
  }\` beside this report is put here.`;
}

export function notesFile(experiment: string): string {
  return `${experiment}_notes.md`;
}

function section(title: string, body: string): string {
  return `## ${title}\n\n${body}`;
}

function list(items: readonly string[]): string {
  return items.map((item) => `- ${item}`).join("\n");
}
