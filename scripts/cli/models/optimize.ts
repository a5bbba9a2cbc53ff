/** `models optimize`: makes a second package whose attention is one operator. */
import { mkdir } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import type { PackageFile } from "../../../gpu-function/packages/package_digest.ts";
import type { ModelPackage } from "../../../gpu-function/packages/model_package.ts";
import { parseStrictly, UsageError } from "../../command_line/command_line.ts";
import { modelsFolder } from "../../command_line/models_folder.ts";
import { sayRegistration } from "./add.ts";
import type { Command, World } from "./command.ts";
import { crossAttentionTaps } from "./graphs/cross_attention.ts";
import { fuseAttention, type FusedGraph } from "./graphs/attention_fusion.ts";
import { editedFile, lengthOf, type Piece } from "./graphs/edited_file.ts";
import { readDetail } from "../../../gpu-function/onnx/graph_file/graph_detail.ts";
import { inspectGraphs } from "./graphs/graph_inspection.ts";
import { openProtobufFile } from "../../../gpu-function/onnx/graph_file/protobuf_file.ts";
import { createProgress } from "./hub/pull_progress.ts";
import { copyPieces } from "./shelf/copied_pieces.ts";
import { requireSpace } from "./shelf/disk_space.ts";
import { readId } from "./shelf/model_id.ts";
import { hashFolder, sealFaults } from "./shelf/package_seal.ts";
import { registerPackage } from "./shelf/registration.ts";
import { readShapefirst, writeShapefirst } from "./shelf/shapefirst_file.ts";
import { findEntry, readShelf, requireFreeId } from "./shelf/shelf.ts";
import { withStaging } from "./shelf/staging.ts";

export const optimize: Command = {
  summary: "makes a second package that needs less memory at large sizes",
  help: `Usage: deno task models optimize <id> [flags]

Makes a package beside the model's, with its own id and digest, in which self-attention of the
denoiser is one operator of onnxruntime. It then holds no matrix of all places by all places, which
at 512x512 is most of what a row needs. Attention over the text stays as it is: insights read it,
and it is small. Masked attention and the VAE stay too. Pictures differ in the last bits, so the new
package has keys of its own. On the CPU the operator computes in float32; onnxruntime casts for it
what is fp16.
  --models <folder>  models folder, default MODELS_DIR or the embedded one
  --id <id>          name in requests, default <id>-fused`,

  async run(args, world) {
    const { values, positionals: [id, ...more] } = parseStrictly(args, {
      models: { type: "string" },
      id: { type: "string" },
    });
    if (id === undefined || more.length > 0) {
      throw new UsageError("Give the id of exactly one model; see --help");
    }
    const newId = readId(values["id"]) ?? readId(`${id}-fused`) ?? id;
    const modelsDir = String(values["models"] ?? modelsFolder());
    const { modelPackage, fault } = findEntry(await readShelf(modelsDir), id, modelsDir);
    if (!modelPackage) throw new RangeError(fault ?? `${id} cannot be read`);
    await requireFreeId(modelsDir, newId);
    const denoiser = rewriteDenoiser(modelPackage);
    world.say(describe(modelPackage, denoiser));
    const registration = await withStaging(modelsDir, newId, async (staged) => {
      await copyPackage(modelPackage, denoiser, { staged, modelsDir, world });
      return await registerPackage(staged, { modelsDir, id: newId, shownAs: newId });
    });
    sayRegistration(registration, world);
    return 0;
  },
};

interface RewrittenGraph {
  readonly file: string;
  readonly counts: Pick<FusedGraph, "fused" | "kept" | "unknown">;
  readonly pieces: readonly Piece[];
}

/**
 * Leaves the VAE as it is: its one matrix is small beside what its convolutions hold.
 * @throws RangeError when there is nothing to rewrite
 */
function rewriteDenoiser(modelPackage: ModelPackage): RewrittenGraph {
  const { files: { denoiser: file }, manifest: { id }, taps } = modelPackage;
  const { denoiser } = inspectGraphs(modelPackage);
  const source = openProtobufFile(file);
  try {
    const graph = readDetail(source);
    const shown = new Set([...taps, ...crossAttentionTaps(denoiser)]);
    const { edit, ...counts } = fuseAttention(graph, shown);
    if (counts.fused > 0) return { file, counts, pieces: editedFile(source, graph, edit) };
    throw new RangeError(
      `${id} has no attention to rewrite: ${counts.kept} are over the text, which insights read, ` +
        `and ${counts.unknown} are masked or in a form that is not known`,
    );
  } finally {
    source.close();
  }
}

function describe({ folder }: ModelPackage, { file, counts }: RewrittenGraph): string {
  const { fused, kept, unknown } = counts;
  const share = `${fused} of ${fused + kept + unknown} attentions become one operator`;
  const rest = [
    ...(kept > 0 ? [`${kept} over the text stay, which insights read`] : []),
    ...(unknown > 0 ? [`${unknown} stay, masked or in a form that is not known`] : []),
  ];
  return `${relative(folder, file)}: ${[share, ...rest].join("; ")}`;
}

async function copyPackage(
  { folder, manifest }: ModelPackage,
  denoiser: RewrittenGraph,
  { staged, modelsDir, world }: {
    readonly staged: string;
    readonly modelsDir: string;
    readonly world: World;
  },
): Promise<void> {
  const files = await hashFolder(folder);
  // A new seal on damaged weights would vouch for them.
  const [fault] = await sealFaults(folder, files);
  if (fault) throw new RangeError(fault);
  const copies = files.map((file) => copyOf(file, folder, denoiser));
  const bytes = copies.reduce((sum, { pieces }) => sum + lengthOf(pieces), 0);
  await requireSpace(modelsDir, bytes, world);
  const progress = createProgress(world);
  const bar = progress.begin({ path: manifest.id, bytes }, 0);
  let written = 0;
  const wrote = (count: number) => bar.update(written += count);
  try {
    for (const { path, pieces } of copies) {
      await mkdir(dirname(join(staged, path)), { recursive: true });
      const watch = { wrote, signal: world.signal };
      await copyPieces(join(folder, path), join(staged, path), pieces, watch);
    }
    bar.end();
  } finally {
    progress.stop();
  }
  const { id: _id, digest: _digest, files: _files, taps: _taps, ...kept } = await readShapefirst(
    folder,
  );
  await writeShapefirst(staged, { ...kept, name: `${manifest.name}, fused attention` });
}

function copyOf(
  { path, bytes }: PackageFile,
  folder: string,
  denoiser: RewrittenGraph,
): { readonly path: string; readonly pieces: readonly Piece[] } {
  const whole = [{ start: 0, end: bytes }];
  return { path, pieces: denoiser.file === join(folder, path) ? denoiser.pieces : whole };
}
