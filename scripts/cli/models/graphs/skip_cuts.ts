/**
 * Finds where a denoiser's graph can be cut so that deep features are reused. On its way up a U-Net joins
 * each skip connection to what comes from below it; what comes from below is the longer way through the
 * graph, and feeding it leaves the layers above it. A transformer joins nothing, so it has no such place.
 */
import type { OnnxGraph } from "../../../../gpu-function/onnx/graph_file/onnx_graph.ts";
import { traceOrigins } from "./origins.ts";

/** A cut that leaves more of the nodes is none: two halves of the latents are joined at the very start, too. */
const NODES_MAX = 0.75;

/** Returns the values to feed, the shallowest first: that with the fewest nodes left. */
export function skipCuts(graph: OnnxGraph): string[] {
  const origins = traceOrigins(graph);
  const depths = depthsIn(graph);
  const found: string[] = [];
  for (const { op, inputs } of graph.nodes) {
    const [first, second] = inputs;
    if (op !== "Concat" || inputs.length !== 2 || first === undefined || second === undefined) {
      continue;
    }
    // Timesteps and sizes are concatenated too, and come from no latents.
    if (!inputs.every((name) => origins.get(name)?.latents)) continue;
    found.push(depthOf(depths, first) > depthOf(depths, second) ? first : second);
  }
  return [...new Set(found)]
    .map((value) => ({ value, nodes: nodesWithout(graph, value) }))
    .filter(({ nodes }) => nodes <= NODES_MAX * graph.nodes.length)
    .sort((a, b) => a.nodes - b.nodes)
    .map(({ value }) => value);
}

/** How many nodes the last one needs where the value is given. */
function nodesWithout({ nodes }: OnnxGraph, value: string): number {
  const needed = new Set(nodes.at(-1)?.outputs);
  let count = 0;
  for (const { inputs, outputs } of nodes.toReversed()) {
    if (!outputs.some((name) => needed.has(name) && name !== value)) continue;
    for (const name of inputs) needed.add(name);
    count += 1;
  }
  return count;
}

/** Nodes on the longest way to each value. */
function depthsIn({ nodes }: Pick<OnnxGraph, "nodes">): Map<string, number> {
  const depths = new Map<string, number>();
  for (const { inputs, outputs } of nodes) {
    const depth = 1 + Math.max(0, ...inputs.map((name) => depthOf(depths, name)));
    for (const output of outputs) depths.set(output, depth);
  }
  return depths;
}

function depthOf(depths: ReadonlyMap<string, number>, value: string): number {
  return depths.get(value) ?? 0;
}
