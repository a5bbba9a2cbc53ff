/** `models verify`: compares every byte with the record, then loads and runs every graph. */
import { readModelPackage } from "../../../gpu-function/packages/model_package.ts";
import { modelsFolder } from "../../command_line/models_folder.ts";
import { parseStrictly } from "../../command_line/command_line.ts";
import { showBytes } from "../../command_line/byte_count.ts";
import type { Command } from "./command.ts";
import { inspectGraphs } from "./graphs/graph_inspection.ts";
import { hashFolder, sealFaults } from "./shelf/package_seal.ts";
import { readShapefirst } from "./shelf/shapefirst_file.ts";
import { findEntry, readShelf } from "./shelf/shelf.ts";
import { tryModel } from "./shelf/trial.ts";

export const verify: Command = {
  summary: "reads every byte of the models again, loads them and runs a row",
  help: `Usage: deno task models verify [id ...] [--models <folder>]

Hashes every file anew and compares it with shapefirst.json, loads the graphs and runs one denoiser
row. One sentence per fault, and exit code 1 if there is any. Without ids, all models.
  --models <folder>  models folder, default MODELS_DIR or the embedded one`,

  async run(args, world) {
    const { values, positionals } = parseStrictly(args, { models: { type: "string" } });
    const modelsDir = String(values["models"] ?? modelsFolder());
    const shelf = await readShelf(modelsDir);
    const entries = positionals.length === 0
      ? shelf
      : positionals.map((id) => findEntry(shelf, id, modelsDir));
    if (entries.length === 0) throw new RangeError(`${modelsDir} holds no model`);
    let faults = 0;
    for (const { folder, id } of entries) {
      const report = await verifyPackage(folder);
      for (const fault of report.faults) world.complain(fault);
      if (report.faults.length === 0) world.say(`${id}: ${report.summary}`);
      faults += report.faults.length;
    }
    return faults === 0 ? 0 : 1;
  },
};

interface Report {
  readonly faults: readonly string[];
  readonly summary: string;
}

async function verifyPackage(folder: string): Promise<Report> {
  const faults: string[] = [];
  const files = await hashFolder(folder);
  faults.push(...await sealFaults(folder, files));
  if (!(await readShapefirst(folder)).files) {
    faults.push(`${folder}/shapefirst.json records no files: \`deno task models seal\` does`);
  }
  if (faults.length > 0) return { faults, summary: "" };
  try {
    const modelPackage = await readModelPackage(folder);
    const graphs = inspectGraphs(modelPackage);
    const rowMs = await tryModel(modelPackage, graphs, (_, trial) => Promise.resolve(trial.rowMs));
    const bytes = showBytes(files.reduce((sum, file) => sum + file.bytes, 0));
    const summary = `${files.length} files as recorded, ${bytes}; a row took ${
      rowMs.toFixed(1)
    } ms`;
    return { faults, summary };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { faults: [error.message], summary: "" };
  }
}
