/**
 * Measures memory and overhead with a full-size model.
 * `deno task bench full_size --models <folder>`
 */
import process from "node:process";
import { join } from "node:path";
import {
  type Completed,
  judge,
  median,
  type ObservedRows,
  observeRows,
  openModel,
  parseBenchFlags,
} from "../../engine/engine_runs.ts";
import { showBytes } from "../../command_line/byte_count.ts";
import { runCommand } from "../../command_line/command_line.ts";
import { hashPackage } from "../../../gpu-function/packages/package_digest.ts";

const OVERHEAD_MAX = 0.01;
const GIGABYTE = 1e9;
const HELP = `Usage: deno task bench full_size --models <folder> [--model <id>]
Loads a model, draws 2 steps at 256x256 on the CPU, and compares peak memory with the size of the
weights, and the time of the run with the time inside onnxruntime. scripts/training/export/full_size.py makes
packages of full size with random weights.
  --models <folder>  a folder of model packages; without it nothing is measured
  --model <id>       which of them, default the only one
  --weights <mode>   packed or mapped, as GPU_WEIGHTS, default packed
  --size <px>        side of the image, default 256
  --steps <n>        guided steps, of two rows each, default 2
  --runs <n>         after loading once, default 1; medians are shown`;

await runCommand(async () => {
  const flags = parseBenchFlags(Deno.args, ["models", "model", "weights", "size", "steps", "runs"]);
  if (flags === null) return console.log(HELP);
  const { models, size = 256, steps = 2, runs = 1 } = flags;
  if (models === undefined) return console.log("full_size: not run, it needs --models");
  const start = performance.now();
  const { engine, manifest } = await openModel({ ...flags, models });
  const loadSeconds = (performance.now() - start) / 1000;
  const loaded = peakBytes();
  const seen: ObservedRows[] = [];
  for (let run = 0; run < runs; run++) {
    seen.push(
      await observeRows(engine, {
        model: manifest.id,
        prompt: "a dog standing on a bench during the day",
        seed: 7,
        width: size,
        height: size,
        num_inference_steps: steps,
        previews: { every: 0 },
      }),
    );
  }
  const medianOf = (value: (run: ObservedRows) => number) => median(seen.map(value));
  const peak = peakBytes();
  const own = Deno.build.os === "linux" ? showBytes(await ownBytes()) : "not known here";
  await engine.close();
  // Hashing comes last: it reads every weight into the memory that loading is measured in.
  const files = await hashPackage(join(models, manifest.id));
  const weights = files.reduce((sum, { bytes }) => sum + bytes, 0);
  console.log(`${manifest.id}, ${manifest.pipeline}: ${showBytes(weights)} of files`);
  console.log(`loaded in                ${loadSeconds.toFixed(1)} s, to ${showBytes(loaded)}`);
  const seconds = (value: (run: ObservedRows) => number) => (medianOf(value) / 1000).toFixed(2);
  console.log(
    `${steps} steps at ${size}x${size}       ${seconds((run) => run.completed.timings.total_ms)} s`,
  );
  console.log(`  inside onnxruntime     ${seconds((run) => run.completed.timings.inference_ms)} s`);
  console.log(`a row                    ${seconds((run) => run.wallMs)} s`);
  console.log(`  inside onnxruntime     ${seconds((run) => run.inferenceMs)} s`);
  console.log(`of memory now its own    ${own}, the rest being pages of files`);
  const allowed = 1.3 * weights + GIGABYTE;
  judge(
    "peak memory at most 1.3 x files + 1 GB",
    `${showBytes(peak)} of ${showBytes(allowed)}`,
    peak <= allowed,
  );
  const overhead = medianOf((run) => outsideShare(run.completed));
  judge(
    `at most ${100 * OVERHEAD_MAX} % outside onnxruntime`,
    `${(100 * overhead).toFixed(2)} %`,
    overhead <= OVERHEAD_MAX,
  );
});

function outsideShare({ timings }: Completed): number {
  return 1 - timings.inference_ms / timings.total_ms;
}

/** Returns this process's peak since its start, pages of mapped files included. */
function peakBytes(): number {
  return process.resourceUsage().maxRSS * 1024;
}

/** Returns this process's memory now, without pages of files, which the system can take back. */
async function ownBytes(): Promise<number> {
  const status = await Deno.readTextFile("/proc/self/status");
  return Number(/^RssAnon:\s*(\d+) kB$/m.exec(status)?.[1]) * 1024;
}
