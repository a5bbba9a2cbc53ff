/** Memory and overhead with a model of full size. `deno task bench full_size --models <folder>` */
import { parseArgs } from "node:util";
import process from "node:process";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { judge, timeRun } from "../engine_runs.ts";
import { runCommand, UsageError } from "../generation_flags.ts";
import { createEngine } from "../../gpu-function/onnx_engine.ts";
import { hashPackage } from "../../gpu-function/package_digest.ts";

const OVERHEAD_MAX = 0.01;
const GIGABYTE = 1e9;
const HELP = `Usage: deno task bench full_size --models <folder> [--model <id>]
Loads a model, draws 2 steps at 256x256 on the CPU, and compares peak memory with the size of the
weights, and the time of the run with the time inside onnxruntime. scripts/export/full_size.py makes
packages of full size with random weights.
  --models <folder>  a folder of model packages; without it nothing is measured
  --model <id>       which of them, default the only one`;

await runCommand(async () => {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      models: { type: "string" },
      model: { type: "string" },
      runs: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) return console.log(HELP);
  if (values.models === undefined) return console.log("full_size: not run, it needs --models");
  const folder = values.models;
  const start = performance.now();
  const engine = await createEngine({
    modelsDir: folder,
    ...(values.model === undefined ? {} : { model: values.model }),
  });
  const loadMs = performance.now() - start;
  const [manifest, ...others] = engine.models;
  if (!manifest || others.length > 0) {
    const ids = engine.models.map(({ id }) => id).join(", ");
    throw new UsageError(`--model must name one of ${ids}`);
  }
  const weights = await weightBytes(join(folder, manifest.id));
  const { evaluations, timings } = await timeRun(engine, {
    model: manifest.id,
    prompt: "a dog standing on a bench during the day",
    seed: 7,
    width: 256,
    height: 256,
    num_inference_steps: 2,
    previews: { every: 0 },
  });
  const peak = process.resourceUsage().maxRSS * 1024;
  await engine.close();
  const gigabytes = (bytes: number) => `${(bytes / GIGABYTE).toFixed(2)} GB`;
  console.log(`${manifest.id}, ${manifest.pipeline}: ${gigabytes(weights)} of files`);
  console.log(`loaded in                ${(loadMs / 1000).toFixed(1)} s`);
  console.log(`2 steps at 256x256       ${(timings.total_ms / 1000).toFixed(2)} s`);
  console.log(`  inside onnxruntime     ${(timings.inference_ms / 1000).toFixed(2)} s`);
  console.log(`  evaluations            ${evaluations.spent}`);
  const allowed = 1.3 * weights + GIGABYTE;
  judge("peak memory at most 1.3 x files + 1 GB", gigabytes(peak), peak <= allowed);
  const overhead = 1 - timings.inference_ms / timings.total_ms;
  judge(
    `at most ${100 * OVERHEAD_MAX} % outside onnxruntime`,
    `${(100 * overhead).toFixed(2)} %`,
    overhead <= OVERHEAD_MAX,
  );
});

async function weightBytes(folder: string): Promise<number> {
  await stat(folder);
  return (await hashPackage(folder)).reduce((sum, { bytes }) => sum + bytes, 0);
}
