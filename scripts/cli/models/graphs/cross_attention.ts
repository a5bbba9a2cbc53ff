/**
 * Finds the cross-attention weights [batch, heads, positions, tokens] in a denoiser's graph. They
 * are the outputs of those Softmax nodes whose keys come from the text and not from the latents.
 * The size of the last dimension is no proof: a small latent may have 77 positions, as a text has
 * 77 tokens, and files often leave inner shapes out.
 */
import { NOWHERE, traceOrigins } from "./origins.ts";
import type { OnnxGraph, OnnxNode } from "../../../../gpu-function/onnx/graph_file/onnx_graph.ts";

/** Operators between the scores and their Softmax: scaling, masking, changes of type and shape. */
const SCORE_STEPS = new Set([
  ...["Add", "Sub", "Mul", "Div", "Where", "Max", "Min", "Clip"],
  ...["Cast", "CastLike", "Identity", "Reshape"],
]);

/** Returns the outputs in the order of the graph, which is that of the layers. */
export function crossAttentionTaps(graph: OnnxGraph): string[] {
  const makers = new Map<string, OnnxNode>();
  for (const node of graph.nodes) for (const output of node.outputs) makers.set(output, node);
  const origins = traceOrigins(graph);
  return graph.nodes.filter(({ op }) => op === "Softmax").filter((softmax) => {
    const keys = contractionsBehind(softmax, makers).map(({ inputs }) => inputs[1] ?? "");
    return keys.some((key) => {
      const { text, latents } = origins.get(key) ?? NOWHERE;
      return text && !latents;
    });
  }).flatMap(({ outputs }) => outputs.slice(0, 1));
}

/** Finds the products of queries and keys whose scores reach the Softmax. */
function contractionsBehind(softmax: OnnxNode, makers: ReadonlyMap<string, OnnxNode>): OnnxNode[] {
  const found: OnnxNode[] = [];
  const seen = new Set<OnnxNode>();
  const waiting = [...softmax.inputs];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const node = makers.get(name);
    if (!node || seen.has(node)) continue;
    seen.add(node);
    if (node.op === "MatMul" || node.op === "Einsum") found.push(node);
    else if (SCORE_STEPS.has(node.op)) waiting.push(...node.inputs);
  }
  return found;
}
