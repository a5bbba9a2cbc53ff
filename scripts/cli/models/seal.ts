/** `models seal`: a package records its own files where it lies. */
import { parseStrictly, UsageError } from "../../command_line/command_line.ts";
import { readModelPackage } from "../../../gpu-function/packages/model_package.ts";
import type { Command } from "./command.ts";
import { crossAttentionTaps } from "./graphs/cross_attention.ts";
import { inspectGraphs } from "./graphs/graph_inspection.ts";
import { hashFolder, withSeal } from "./shelf/package_seal.ts";
import { readShapefirst, writeShapefirst } from "./shelf/shapefirst_file.ts";

export const seal: Command = {
  summary: "records files, digest and taps of a package where it lies",
  help: `Usage: deno task models seal <folder>

Records files, digest and cross-attention taps of a package in its shapefirst.json, after its weights
or configuration changed on purpose. Everything else in shapefirst.json stays.`,

  async run(args, world) {
    const { positionals: [folder, ...more] } = parseStrictly(args, {});
    if (folder === undefined || more.length > 0) {
      throw new UsageError("Give exactly one folder of a model package; see --help");
    }
    const before = await readShapefirst(folder);
    const files = await hashFolder(folder);
    await writeShapefirst(folder, withSeal(before, files));
    try {
      const graphs = inspectGraphs(await readModelPackage(folder));
      const taps = crossAttentionTaps(graphs.denoiser);
      await writeShapefirst(folder, withSeal({ ...before, taps }, files));
    } catch (error) {
      await writeShapefirst(folder, before); // a seal on a broken package would vouch for it
      throw error;
    }
    const { manifest, taps } = await readModelPackage(folder);
    world.say(
      `${manifest.id}: ${files.length} files, ${taps.length} taps, digest ${manifest.digest}`,
    );
    return 0;
  },
};
