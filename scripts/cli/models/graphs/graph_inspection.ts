/** Inspects a package's graphs from their files alone, before any weight is loaded. */
import { existsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { refuseLfsPointer } from "../../../../gpu-function/onnx/graph_file/lfs_pointer.ts";
import type { ModelPackage } from "../../../../gpu-function/packages/model_package.ts";
import {
  type ExternalWeights,
  type OnnxGraph,
  readOnnxGraph,
} from "../../../../gpu-function/onnx/graph_file/onnx_graph.ts";

/** The newest operator set that onnxruntime 1.30 takes, which a test verifies. */
export const OPSET_MAX = 26;

export type PackageGraphs = Readonly<
  Record<Exclude<keyof ModelPackage["files"], "safetyChecker">, OnnxGraph>
>;

/** @throws RangeError naming the file that is cut, too new or without its weights */
export function inspectGraphs(
  { text, files }: Pick<ModelPackage, "text" | "files">,
): PackageGraphs {
  if (files.safetyChecker) inspectGraph(files.safetyChecker.graph);
  for (const { graph } of text) inspectGraph(graph);
  return {
    denoiser: inspectGraph(files.denoiser),
    vaeDecoder: inspectGraph(files.vaeDecoder),
  };
}

function inspectGraph(file: string): OnnxGraph {
  const graph = readOnnxGraph(file);
  if (graph.opset > OPSET_MAX) {
    throw new RangeError(
      `${file}: opset must be at most ${OPSET_MAX}, given ${graph.opset}: export it for an older one`,
    );
  }
  for (const weights of graph.external) checkExternal(file, weights);
  return graph;
}

function checkExternal(file: string, { location, end }: ExternalWeights): void {
  // The digest covers only files beside the graph, so a path that leads elsewhere is refused.
  if (/[/\\]/.test(location) || location === ".." || location === "") {
    throw new RangeError(
      `${file}: weights must be in a file beside it, given ${JSON.stringify(location)}`,
    );
  }
  const weights = join(dirname(file), location);
  if (!existsSync(weights)) {
    throw new RangeError(`${weights} is missing, which holds weights of ${file}`);
  }
  refuseLfsPointer(weights);
  const { size } = statSync(weights);
  if (size < end) {
    throw new RangeError(
      `${weights} must be at least ${end} bytes for the weights of ${file}, given ${size}`,
    );
  }
}
