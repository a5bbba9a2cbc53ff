/** `models cuts`: finds where a model that is there already can reuse deep features, and notes it. */
import { readModelPackage } from "../../../gpu-function/packages/model_package.ts";
import { parseStrictly, UsageError } from "../../command_line/command_line.ts";
import { modelsFolder } from "../../command_line/models_folder.ts";
import type { Command } from "./command.ts";
import { inspectGraphs } from "./graphs/graph_inspection.ts";
import { skipCuts } from "./graphs/skip_cuts.ts";
import { measureCuts } from "./shelf/cut_trial.ts";
import { findEntry, readShelf } from "./shelf/shelf.ts";
import { readShapefirst, writeShapefirst } from "./shelf/shapefirst_file.ts";

export const cuts: Command = {
  summary: "finds where a model can reuse deep features, and measures what that saves here",
  help: `Usage: deno task models cuts <id> [--models <folder>]

Finds the skip connections of the denoiser, cuts its graph at the shallowest of them, compares what the
cut graph gives with what the whole one gives, and measures both in turn at the model's own size. The
result is written into shapefirst.json, as \`models add\` does. It is no part of the digest.
  --models <folder>  models folder, default MODELS_DIR or the embedded one`,

  async run(args, world) {
    const { values, positionals } = parseStrictly(args, { models: { type: "string" } });
    const [id] = positionals;
    if (id === undefined || positionals.length > 1) {
      throw new UsageError(`Give exactly one id, given ${positionals.length}; see --help`);
    }
    const modelsDir = String(values["models"] ?? modelsFolder());
    const { folder } = findEntry(await readShelf(modelsDir), id, modelsDir);
    const modelPackage = await readModelPackage(folder);
    const found = skipCuts(inspectGraphs(modelPackage).denoiser);
    const measured = await measureCuts(modelPackage, found);
    await writeShapefirst(folder, { ...await readShapefirst(folder), cuts: measured });
    world.say(`${id}: ${describeCuts(measured)}`);
    return 0;
  },
};

export function describeCuts(cuts: readonly { readonly compute: number }[]): string {
  if (cuts.length === 0) return "no cut found, so it cannot reuse deep features";
  const shares = cuts.map(({ compute }) => `${(100 * compute).toFixed(0)} %`).join(", ");
  return `${cuts.length} cuts, after which a row computes ${shares} of a whole one`;
}
