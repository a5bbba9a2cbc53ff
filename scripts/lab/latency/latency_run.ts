/** Measures a model's time and memory in an otherwise empty process. `deno task lab latency` */
import { modelsFolder } from "../../command_line/models_folder.ts";
import { runCommand } from "../../command_line/command_line.ts";
import { findModel } from "../../engine/installed_model.ts";
import { integerFlag, parseLabFlags } from "../laboratory/lab_flags.ts";
import { measureLatency } from "./latency.ts";

const HELP = `Usage: deno task lab latency [--model <id>] [--runs <n>] [--out <file>]
Medians of a U-Net row, a VAE decode, a text encoding, and of 50 steps with cutoff 0.5; peak memory.
  --model <id>  model package, default mini
  --runs <n>    whole runs, default 5
  --out <file>  write the figures there as JSON, too`;

await runCommand(async () => {
  const flags = parseLabFlags(Deno.args, ["model", "runs", "out"]);
  if (flags === null) return console.log(HELP);
  const runs = integerFlag("runs", flags["runs"], { standard: 5, min: 1, max: 1000 });
  const modelsDir = modelsFolder();
  const latency = await measureLatency(
    modelsDir,
    await findModel(modelsDir, flags["model"] ?? "mini"),
    runs,
  );
  console.log(`U-Net row            ${latency.unet_row_ms.toFixed(1)} ms`);
  console.log(`VAE decode           ${latency.vae_decode_ms.toFixed(1)} ms`);
  console.log(`text encoding        ${latency.text_encode_ms.toFixed(1)} ms`);
  console.log(`50 steps, cutoff 0.5 ${latency.cutoff_run_ms.toFixed(0)} ms`);
  console.log(`peak memory          ${latency.peak_rss_mb.toFixed(0)} MB`);
  console.log(`${latency.cores} cores, load average ${latency.load_average.toFixed(2)}`);
  if (flags["out"] !== undefined) {
    await Deno.writeTextFile(flags["out"], JSON.stringify(latency) + "\n");
  }
});
