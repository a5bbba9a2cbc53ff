/**
 * Runs one prompt under several settings on the command line, without any server. Rows that the
 * runs share are evaluated once.
 * `deno task sweep "a blue bird" --a 0,5,10,15,20,25 --seed 7 --out sheet.png`
 */
import { SingleBar } from "cli-progress";
import { mkdir } from "node:fs/promises";
import { dirname, extname, join } from "node:path";
import {
  planSweep,
  ProblemError,
  type SweepOutcome,
  type SweepPlan,
  type SweepRequest,
} from "../../contract/mod.ts";
import type { Engine } from "../../gpu-function/jobs/engine.ts";
import { createEngine } from "../../gpu-function/engine/onnx_engine.ts";
import { runSweep, type SweptImage } from "../engine/engine_sweep.ts";
import { modelsFolder } from "../command_line/models_folder.ts";
import { REQUEST_HELP } from "../command_line/request_flags.ts";
import { runCommand, UsageError } from "../command_line/command_line.ts";
import { contactSheet } from "../pictures/contact_sheet.ts";
import { decodeImage } from "../pictures/image_file.ts";
import { readThreads } from "../command_line/thread_count.ts";
import { writeWhole } from "../command_line/whole_file.ts";
import { parseSweepCommandLine, SWEEP_HELP } from "../command_line/sweep_flags.ts";

const HELP = `Usage: deno task sweep "<prompt>" <list> [flags]
${SWEEP_HELP}

Flags of all branches:${REQUEST_HELP}
  --out <file.png>        the contact sheet, default sweep.png
  --images <folder>       keep the single images there
  --threads <n>           threads per operator, default all`;

/** Enough for the rows of a sweep of any length at the sizes of Stable Diffusion. */
const ROW_MEMORY_BYTES = 512_000_000;
const TILE_MIN = 160;
const COLUMNS_MAX = 8;

await runCommand(async () => {
  const { sweep, values } = parseSweepCommandLine(Deno.args);
  if (!sweep) return console.log(HELP);
  const out = String(values["out"] ?? "sweep.png");
  if (extname(out).toLowerCase() !== ".png") {
    throw new UsageError(`--out must end in .png, given ${out}`);
  }
  const threads = readThreads(values["threads"]);
  const engine = await createEngine({
    modelsDir: modelsFolder(),
    model: sweep.base.model,
    intraOpNumThreads: threads,
    rowMemoryBytes: ROW_MEMORY_BYTES,
  });
  const plan = planOnEngine(engine, sweep);
  const { outcome, images } = await runWithBar(engine, plan);
  await engine.close();
  await mkdir(dirname(out), { recursive: true });
  await writeWhole(out, await drawSheet(images, outcome));
  if (values["images"] !== undefined) await writeImages(String(values["images"]), images);
  report(plan, outcome, out);
});

function planOnEngine(engine: Engine, sweep: SweepRequest): SweepPlan {
  const seed = sweep.base.seed ?? crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  const planned = planSweep(sweep, seed, (request) => engine.plan(request));
  if (!planned.ok) throw new ProblemError(planned.problem);
  return planned.value;
}

async function runWithBar(engine: Engine, plan: SweepPlan) {
  const bar = new SingleBar({
    format: "{bar} {value}/{total} evaluations  {label}",
    barCompleteChar: "█",
    barIncompleteChar: "░",
    hideCursor: true,
  });
  bar.start(plan.evaluations.together, 0, { label: "" });
  let before = 0;
  try {
    return await runSweep(engine, plan, (event, i) => {
      const label = plan.branches[i]?.label ?? "";
      if (event.type === "generation.step") bar.update(before + event.evaluations, { label });
      if (event.type === "generation.completed") before += event.evaluations.spent;
    });
  } finally {
    bar.stop();
  }
}

async function drawSheet(images: readonly SweptImage[], { branches }: SweepOutcome) {
  const cells = await Promise.all(images.map(async ({ image }, i) => {
    const { label = "", evaluations } = branches[i] ?? {};
    const cost = evaluations
      ? ` ${evaluations.spent + evaluations.shared} evaluations, ${share(evaluations.saved)} saved`
      : "";
    return {
      image: await decodeImage(Uint8Array.fromBase64(image.data)),
      label: `${label}:${cost}`,
    };
  }));
  const tile = Math.max(TILE_MIN, ...cells.map(({ image }) => image.width));
  return await contactSheet(cells, { columns: Math.min(cells.length, COLUMNS_MAX), tile });
}

async function writeImages(folder: string, images: readonly SweptImage[]): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [i, { branch, image }] of images.entries()) {
    const name = branch.label.replaceAll(/[^a-z0-9]+/gi, "_").replaceAll(/^_|_$/g, "");
    const place = String(i).padStart(2, "0");
    const file = join(folder, `${place}_${name}.${branch.plan.output_format}`);
    await writeWhole(file, Uint8Array.fromBase64(image.data));
  }
}

function report({ branches, evaluations }: SweepPlan, outcome: SweepOutcome, out: string): void {
  const rows = outcome.branches.map(({ label, evaluations }) => ({ label, ...evaluations }));
  const all = [...rows, { label: "together", ...outcome.evaluations }];
  const width = Math.max(...all.map(({ label }) => label.length));
  console.log(`${"".padEnd(width)}  planned  shared  spent  saved by the cutoff`);
  for (const { label, planned, shared, spent, saved } of all) {
    const numbers = [[planned, 7], [shared, 6], [spent, 5]] as const;
    const cells = numbers.map(([value, size]) => String(value).padStart(size)).join("  ");
    console.log(`${label.padEnd(width)}  ${cells}  ${share(saved).padStart(5)}`);
  }
  const [first] = branches;
  console.log(
    `${out}  seed ${first?.plan.seed}, ${outcome.evaluations.spent} evaluations, ` +
      `${evaluations.full} without cutoffs and sharing`,
  );
}

function share(value: number): string {
  return `${Number((100 * value).toFixed(1))} %`;
}
