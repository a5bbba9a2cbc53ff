/** What a kind of denoiser looks like as a graph: names, sides and types of all that goes in and comes out. */
import type { ExpectedGraph, ExpectedTensor, TensorType } from "../graph.ts";

/** How a kind of denoiser calls its latents, the first name being optimum's. */
export interface DenoiserNames {
  readonly input: readonly [string, ...string[]];
  readonly output: readonly [string, ...string[]];
  /** The input of one vector for the whole text; null where the kind has none. */
  readonly pooled: readonly [string, ...string[]] | null;
}

export interface DenoiserForm {
  readonly names: DenoiserNames;
  readonly channels: number;
  /** Those beyond `channels` are a learned variance, which no sampler here uses: they are dropped. */
  readonly outputChannels: number;
  /** Whether rows have a mask of their text states. */
  readonly textMasked: boolean;
  /** Pixels per latent along a side, where the model takes the image's size; else null. */
  readonly pixelsPerLatent: number | null;
  /** Values per text state; null where the encoder's file does not say. */
  readonly textWidth: number | null;
  /** Values in the graph that are cross-attention weights, one per layer; a tapped denoiser has some. */
  readonly taps?: readonly string[];
  /**
   * Values in the graph that hold its deep features, the shallowest first: each is the deeper input of a
   * skip connection, so that the layers after it can run without those before.
   */
  readonly cuts?: readonly string[];
}

const FLOATS = ["float32", "float16"] as const;
const INTEGERS = ["int64", "int32"] as const;
/** A rank that onnxruntime could not infer comes as none. */
const WEIGHTS = [[null, null, null, null], [null, null, null], []] as const;
const FEATURES = [[null, null, null, null], []] as const;

/** The whole graph. */
export function wholeGraph(form: DenoiserForm): ExpectedGraph {
  const {
    taps = [],
    cuts = [],
    names,
    channels,
    outputChannels,
    textMasked,
    pixelsPerLatent,
    textWidth,
  } = form;
  const images = (side: number) => [null, side, null, null];
  const mask: ExpectedTensor = {
    name: "encoder_attention_mask",
    types: [...INTEGERS, ...FLOATS],
    shapes: [[null, null]],
  };
  const sizes: readonly ExpectedTensor[] = [
    { name: "resolution", types: FLOATS, shapes: [[null, 2]] },
    { name: "aspect_ratio", types: FLOATS, shapes: [[null, 1]] },
  ];
  return {
    inputs: [
      tensorOf(names.input, images(channels)),
      // Exports differ: a scalar, one value for the whole batch, or one per row.
      { name: "timestep", types: [...INTEGERS, ...FLOATS], shapes: [[], [null]] },
      { name: "encoder_hidden_states", types: FLOATS, shapes: [[null, null, textWidth]] },
      ...(textMasked ? [mask] : []),
      ...(names.pooled ? [tensorOf(names.pooled, [null, null])] : []),
      ...(pixelsPerLatent === null ? [] : sizes),
    ],
    outputs: [tensorOf(names.output, images(outputChannels))],
    taps: [
      ...taps.map((name) => ({ name, types: FLOATS, shapes: WEIGHTS })),
      ...cuts.map((name) => ({ name, types: FLOATS, shapes: FEATURES })),
    ],
  };
}

/** What is left of it after a cut, which may do without some of the inputs. */
export function shallowGraph(form: DenoiserForm, cut: string, type: TensorType): ExpectedGraph {
  const { inputs, outputs } = wholeGraph(form);
  return {
    inputs: inputs.map((input) => ({ ...input, optional: true })),
    outputs,
    fed: { name: cut, types: [type], shapes: FEATURES },
  };
}

function tensorOf(
  [name, ...aliases]: readonly [string, ...string[]],
  shape: readonly (number | null)[],
): ExpectedTensor {
  return { name, aliases, types: FLOATS, shapes: [shape] };
}
