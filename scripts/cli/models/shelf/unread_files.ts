/**
 * Files of a package that nothing here reads. Another program may read them and draw something else, such
 * as weights beside a graph, so whoever adds the package is told.
 */
import { existsSync, statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { ModelPackage } from "../../../../gpu-function/packages/model_package.ts";
import { readOnnxGraph } from "../../../../gpu-function/onnx/graph_file/onnx_graph.ts";

/** What no program draws with. */
const FOR_PEOPLE = /^(LICENSE|README|NOTICE)|^\.|\.(md|txt|png|jpe?g|webp|gif)$/i;
/** A graph is drawn with, not shown: `merges.txt` is a text too. */
const OF_A_MODEL = /\/(merges|vocab)\.txt$/;

/**
 * Paths in the package, in order; a folder of which nothing is read is one path that ends with a slash.
 * @param modelPackage whose graphs have been inspected
 */
export async function unreadFiles(modelPackage: ModelPackage): Promise<string[]> {
  const { folder } = modelPackage;
  const read = readPaths(modelPackage);
  const folders = new Set([...read].map((path) => dirname(path)));
  const unread: string[] = [];
  for (const name of await readdir(folder)) {
    if (FOR_PEOPLE.test(name)) continue;
    // Links count as what they lead to.
    const isFolder = statSync(join(folder, name), { throwIfNoEntry: false })?.isDirectory();
    if (!isFolder && !read.has(name)) unread.push(name);
    if (!isFolder) continue;
    if (!folders.has(name)) unread.push(`${name}/`);
    else unread.push(...await unreadIn(folder, name, read));
  }
  return unread.sort();
}

async function unreadIn(
  folder: string,
  part: string,
  read: ReadonlySet<string>,
): Promise<string[]> {
  const paths = (await readdir(join(folder, part))).map((name) => `${part}/${name}`);
  return paths.filter((path) =>
    !read.has(path) && (OF_A_MODEL.test(path) || !FOR_PEOPLE.test(basename(path)))
  );
}

function readPaths({ folder, family, text, files }: ModelPackage): Set<string> {
  const checker = files.safetyChecker;
  const graphs = [...text.map(({ graph }) => graph), files.denoiser, files.vaeDecoder];
  const vaeConfig = ["vae_decoder/config.json", "vae/config.json"]
    .find((path) => existsSync(join(folder, path)));
  return new Set([
    "model_index.json",
    "shapefirst.json",
    "scheduler/scheduler_config.json",
    `${family.denoiser.folder}/config.json`,
    ...(vaeConfig ? [vaeConfig] : []),
    ...text.map(({ part }) => `${part.encoder}/config.json`),
    ...text.flatMap(({ part, tokenizerFiles }) =>
      tokenizerFiles.map((name) => `${part.tokenizer}/${name}`)
    ),
    ...[...graphs, ...(checker ? [checker.graph] : [])].flatMap(graphPaths),
    ...(checker ? ["feature_extractor/preprocessor_config.json"] : []),
  ]);
}

/** A graph and the files beside it that hold its weights. */
function graphPaths(graph: string): string[] {
  const part = basename(dirname(graph));
  const { external } = readOnnxGraph(graph);
  return [basename(graph), ...external.map(({ location }) => location)]
    .map((name) => `${part}/${name}`);
}
