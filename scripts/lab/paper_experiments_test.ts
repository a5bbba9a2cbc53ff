/**
 * Runs every experiment on the embedded model, from its command line to its report, with two
 * subjects and four steps. What breaks here would otherwise break after half an hour of drawing.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import sharp from "sharp";
import { runExperiment } from "./experiments/experiment_run.ts";
import type { ExperimentResult } from "./report/experiment_result.ts";
import { verdictOf } from "./report/findings.ts";
import { EXPERIMENTS, PAPER_EXPERIMENTS } from "./paper_experiments.ts";

interface Estimated {
  readonly low: number | null;
  readonly value: number | null;
  readonly high: number | null;
  readonly count: number;
}

for (const experiment of EXPERIMENTS) {
  const { name, title, question } = experiment;
  Deno.test(`lab ${name} measures and writes its report, charts and sheets`, async () => {
    const folder = await Deno.makeTempDir();
    const sizes = ["--count", "2", "--seeds", "1", "--steps", "4", "--threads", "1"];
    const places = ["--out", join(folder, "out"), "--cache", join(folder, "cache")];
    await runExperiment(experiment, [...sizes, ...places]);
    const read = (file: string) => Deno.readTextFile(join(folder, "out", file));
    const { findings, command, model, sizes: used }: ExperimentResult = JSON.parse(
      await read(`${name}.json`),
    );
    assert.equal(
      command,
      `deno task lab ${name} --model mini --count 2 --seeds 1 --steps 4 --attributes colour`,
    );
    assert.match(model.digest, /^[0-9a-f]{64}$/);
    assert.deepEqual([used.count, used.seeds, used.steps], [2, 1, 4]);
    assert.ok(findings.paper.length > 0 && findings.method.length > 0);
    const cells = findings.tables.flatMap(({ rows }) => rows.flatMap((row) => [...row.cells]));
    for (const cell of cells) if (typeof cell !== "string") assertInterval(cell);
    assert.ok(cells.length > 0 && findings.readings.length > 0);
    const report = await read(`${name}.md`);
    for (const part of [title, question, command, model.digest]) assert.ok(report.includes(part));
    for (const reading of findings.readings) {
      assert.ok(report.includes(`- ${verdictOf(reading)}: ${reading.claim}; difference `));
    }
    for (const [, file] of report.matchAll(/!\[[^\n]*\]\(([^)]+)\)/g)) {
      const { width = 0 } = await sharp(join(folder, "out", file!)).metadata();
      assert.ok(width > 100, `${file} is a picture`);
    }
    assert.match(report, /!\[/);
    assert.doesNotMatch(report, /NaN|undefined|\[object/);
    await Deno.remove(folder, { recursive: true });
  });
}

/** JSON has no NaN: an unmeasured number is null and has count 0. */
function assertInterval({ low, value, high, count }: Estimated): void {
  if (count === 0) return assert.deepEqual([low, value, high], [null, null, null]);
  assert.ok(low! <= value! + 1e-9 && value! <= high! + 1e-9, `${low}, ${value}, ${high}`);
}

Deno.test("lab all runs each of them once", () => {
  const files = [...Deno.readDirSync(join(import.meta.dirname!, "measurements"))]
    .map(({ name }) => name).filter((name) => !name.endsWith("_test.ts"));
  const names = PAPER_EXPERIMENTS.map(({ name }) => `${name.replaceAll("-", "_")}.ts`);
  assert.deepEqual(names.sort(), files.sort());
});
