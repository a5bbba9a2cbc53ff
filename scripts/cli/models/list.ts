/** `models list`: shows the models of this machine. */
import { existsSync, statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { ModelPackage } from "../../../gpu-function/packages/model_package.ts";
import { modelsFolder } from "../../command_line/models_folder.ts";
import { parseStrictly, UsageError } from "../../command_line/command_line.ts";
import { showBytes } from "../../command_line/byte_count.ts";
import type { Command } from "./command.ts";
import { PULLING } from "./hub/pull_folder.ts";
import { readShelf } from "./shelf/shelf.ts";

export const list: Command = {
  summary: "shows the models of a folder",
  help: `Usage: deno task models list [flags]

Shows the models of a folder. A package that cannot be read is a sentence and exit code 1.
  --models <folder>  models folder, default MODELS_DIR or the embedded one
  --json             as JSON, with whole digests`,

  async run(args, world) {
    const { values, positionals } = parseStrictly(args, {
      models: { type: "string" },
      json: { type: "boolean" },
    });
    if (positionals.length > 0) {
      throw new UsageError(`list takes flags only, given ${positionals[0]}; see --help`);
    }
    const modelsDir = String(values["models"] ?? modelsFolder());
    const shelf = await readShelf(modelsDir);
    const packages = shelf.flatMap(({ modelPackage }) => modelPackage ?? []);
    const rows = await Promise.all(packages.map(describe));
    if (values["json"]) world.say(JSON.stringify({ models: rows }, null, 2));
    else for (const line of table(rows)) world.say(line);
    for (const { fault } of shelf) if (fault !== null) world.complain(fault);
    for (const unfinished of await unfinishedPulls(modelsDir)) world.complain(unfinished);
    return packages.length === shelf.length ? 0 : 1;
  },
};

async function describe({ folder, manifest, taps }: ModelPackage) {
  return {
    id: manifest.id,
    name: manifest.name,
    folder,
    pipeline: manifest.pipeline,
    bytes: await bytesIn(folder),
    digest: manifest.digest,
    defaults: manifest.defaults,
    taps: taps.length,
    latent_rgb: manifest.latent_rgb !== null,
  };
}

type Row = Awaited<ReturnType<typeof describe>>;

const HEADINGS = ["id", "pipeline", "size", "digest", "defaults", "taps", "latent->RGB"];
const DIGEST_DIGITS = 12;

function table(rows: readonly Row[]): string[] {
  const cells = rows.map(({ id, pipeline, bytes, digest, defaults, taps, latent_rgb }) => [
    id,
    pipeline,
    showBytes(bytes),
    digest.slice(0, DIGEST_DIGITS),
    `${defaults.width}x${defaults.height}, ${defaults.num_inference_steps} steps of ` +
    `${defaults.sampler}, guidance ${defaults.guidance_scale}`,
    String(taps),
    latent_rgb ? "yes" : "none",
  ]);
  const lines = [HEADINGS, ...cells];
  const widths = HEADINGS.map((_, c) => Math.max(...lines.map((line) => line[c]!.length)));
  return lines.map((line) => line.map((cell, c) => cell.padEnd(widths[c]!)).join("  ").trimEnd());
}

/** Counts everything in the folder; a link counts as its target, since the model uses that. */
async function bytesIn(folder: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if (!existsSync(path)) continue; // a link that leads nowhere
    const stats = statSync(path);
    bytes += stats.isDirectory() ? await bytesIn(path) : stats.size;
  }
  return bytes;
}

async function unfinishedPulls(modelsDir: string): Promise<string[]> {
  const parent = join(modelsDir, PULLING);
  if (!existsSync(parent)) return [];
  const sentences: string[] = [];
  for (const name of await readdir(parent)) {
    const bytes = showBytes(await bytesIn(join(parent, name)));
    sentences.push(
      `${join(parent, name)} is an unfinished pull, ${bytes}: pull again to go on, or delete it`,
    );
  }
  return sentences;
}
