/** Which of a denoiser's inputs a value in its graph was computed from. */
import type { OnnxGraph } from "../../../../gpu-function/onnx/graph_file/onnx_graph.ts";

const TEXT_INPUT = "encoder_hidden_states";

/** Inputs that a value was computed from; reading only a tensor's shape does not count. */
export interface Origin {
  readonly text: boolean;
  readonly latents: boolean;
}

export const NOWHERE: Origin = { text: false, latents: false };

/** ONNX sorts nodes so that inputs come first, so one pass is enough. */
export function traceOrigins({ inputs, nodes }: OnnxGraph): Map<string, Origin> {
  const origins = new Map<string, Origin>();
  for (const { name, shape } of inputs) {
    // Exports name the latents `sample` or `hidden_states`; they are the one input of rank 4.
    origins.set(name, { text: name === TEXT_INPUT, latents: shape.length === 4 });
  }
  for (const { op, inputs, outputs } of nodes) {
    const sources = op === "Shape" || op === "Size" ? [] : inputs;
    const known = sources.map((name) => origins.get(name) ?? NOWHERE);
    const origin = {
      text: known.some(({ text }) => text),
      latents: known.some(({ latents }) => latents),
    };
    for (const output of outputs) origins.set(output, origin);
  }
  return origins;
}
