/**
 * What Stable Diffusion's graphs say of themselves, in the words of the `config.json` that diffusers'
 * OnnxStableDiffusionPipeline does not write. Where a graph leaves a number open it is that of 1.x, which
 * that pipeline was made for. Pure.
 */
import type { OnnxGraph } from "../../onnx/graph_file/onnx_graph.ts";

/** As Stable Diffusion 1.x has them. */
const USUAL = { channels: 4, side: 64, levels: 4, positions: 77 };

export function unetConfigOf(graph: OnnxGraph): object {
  const [, channels, height, width] = shapeOf(graph, "sample");
  return {
    in_channels: channels ?? USUAL.channels,
    sample_size: height && width ? [height, width] : USUAL.side,
    block_out_channels: levelsOf(graph),
  };
}

export function vaeConfigOf(graph: OnnxGraph): object {
  const [, channels] = shapeOf(graph, "latent_sample");
  return { latent_channels: channels ?? USUAL.channels, block_out_channels: levelsOf(graph) };
}

export function textEncoderConfigOf(graph: OnnxGraph): object {
  const [, positions] = shapeOf(graph, "input_ids");
  return {
    architectures: ["CLIPTextModel"],
    max_position_embeddings: positions ?? USUAL.positions,
  };
}

function shapeOf({ inputs }: OnnxGraph, name: string): readonly (number | null)[] {
  return inputs.find((input) => input.name === name)?.shape ?? [];
}

/** One number for each level, whose worth nobody asks for; all levels but one double the sides. */
function levelsOf({ nodes }: OnnxGraph): number[] {
  const doublings = nodes.filter(({ op }) => op === "Resize" || op === "Upsample").length;
  return Array.from({ length: doublings > 0 ? doublings + 1 : USUAL.levels }, () => 1);
}
