/** People read the report: a misplaced verdict or note misleads them. */
import assert from "node:assert/strict";
import { experimentReport } from "./experiment_report.ts";
import type { ExperimentResult } from "./experiment_result.ts";

const estimate = (value: number, low: number, high: number) => ({ value, low, high, count: 7 });
const result: ExperimentResult = {
  experiment: "eos-swap",
  title: "The title",
  question: "The question?",
  command: "deno task lab eos-swap --count 7",
  date: "2026-01-02",
  model: {
    id: "mini",
    digest: "d1",
    engine_version: "9",
    provider: "cuda",
    width: 16,
    height: 8,
    guidance_scale: 5,
  },
  sizes: { count: 7, counted: "pairs of prompts", seeds: 2, steps: 50, attributes: ["colour"] },
  scorers: ["text CLIPScore"],
  findings: {
    paper: ["Table 1: 0.2363"],
    method: ["by hand"],
    tables: [{
      title: "A table",
      columns: ["", "score"],
      rows: [{ label: "row", cells: [estimate(0.5, 0.4, 0.6)] }, { label: "none", cells: ["-"] }],
    }],
    charts: [{
      file: "chart.svg",
      kind: "rows",
      chart: { title: "A chart", x: "", y: "", series: [] },
    }],
    readings: [
      { claim: "more", difference: estimate(0.2, 0.1, 0.3) },
      { claim: "less", difference: estimate(-0.2, -0.3, -0.1) },
      { claim: "perhaps", difference: estimate(0.1, -0.1, 0.2) },
      { claim: "barely", difference: estimate(0.1, 0, 0.2) },
    ],
  },
};

Deno.test("experimentReport() gives command, sizes, tables, pictures and a verdict on each claim", () => {
  const report = experimentReport(result, [{ file: "sheet.webp", caption: "Some images" }], null);
  for (
    const part of [
      "# The title\n\nThe question?",
      "`deno task lab eos-swap --count 7` on 2026-01-02",
      "digest `d1`, engine 9 on cuda, 16x8",
      "7 pairs of prompts (colour), 2 seeds each",
      "- Table 1: 0.2363",
      "|  | score |\n| --- | --- |\n| row | 0.500 (0.400 to 0.600, n = 7) |\n| none | - |",
      "![A chart](chart.svg)",
      "![Some images](sheet.webp)",
      "- yes: more; difference 0.200",
      "- no: less; difference -0.200",
      "- undecided: perhaps; difference 0.100",
      "- undecided: barely; difference 0.100",
      "`eos-swap_notes.md`",
    ]
  ) {
    assert.ok(report.includes(part), part);
  }
});

Deno.test("experimentReport() shows what a person wrote in place of the invitation", () => {
  const report = experimentReport(result, [], "It looks right.");
  assert.match(report, /## Read by a person\n\nIt looks right\./);
  assert.doesNotMatch(report, /_notes\.md/);
});
