/** What sets one kind of pipeline apart from another; the rest is read from the package's files. */
import * as v from "valibot";
import type { PromptNormalizers } from "../../../contract/mod.ts";
import type { LatentSpace } from "./latent_rgb.ts";
import type { DenoiserNames } from "../../onnx/denoiser/denoiser_form.ts";
import type { OnnxGraph } from "../../onnx/graph_file/onnx_graph.ts";
import type { EncodedText } from "../../text/mod.ts";

export interface ModelFamily {
  /** Classes in `model_index.json`: those of diffusers, and optimum's of the same layout. */
  readonly pipelines: readonly string[];
  /** The defaults of diffusers' pipeline. */
  readonly defaults: { readonly num_inference_steps: number; readonly guidance_scale: number };
  /** The encoders of a text. Prompts are planned with the first, whose positions their states have. */
  readonly text: readonly [TextPart, ...TextPart[]];
  /** What the parts' encodings of one text, in the order of `text`, are to the denoiser together. */
  readonly joinText: (encoded: readonly [EncodedText, ...EncodedText[]]) => EncodedText;
  readonly denoiser: DenoiserTraits;
  /** The classes whose folders have no `config.json` beside graphs, and what is read in its place. */
  readonly graphsAlone: GraphsAlone | null;
  /** The space that its published members share: what previews are drawn with unless a package says more. */
  readonly latents: LatentSpace;
}

export interface GraphsAlone {
  readonly pipelines: readonly string[];
  /** What a graph says, as its `config.json` would. */
  readonly configs: Readonly<
    Record<"denoiser" | "textEncoder" | "vaeDecoder", (graph: OnnxGraph) => object>
  >;
}

/** A text encoder with its tokenizer. */
export interface TextPart {
  /** The tokenizer's folder. */
  readonly tokenizer: string;
  /** The encoder's folder. */
  readonly encoder: string;
  /** Token positions where the encoder's config has none of its own; null where it must have them. */
  readonly maxLength: number | null;
  /** Whether the encoder looks away from the padding. */
  readonly paddingMasked: boolean;
  /** What the pipeline does to a prompt before tokens are looked for in it. */
  readonly normalizers: PromptNormalizers;
  /** The graph's output of one vector for the whole text; null where the family has no use for it. */
  readonly pooled: string | null;
}

export interface DenoiserTraits {
  readonly folder: "unet" | "transformer";
  readonly config: v.GenericSchema<unknown, DenoiserConfig>;
  readonly names: DenoiserNames;
  /** Whether it looks away from the padding too. */
  readonly textMasked: boolean;
}

const count = v.pipe(v.number(), v.integer(), v.minValue(1));

/** diffusers' `sample_size`: one side of a square, or height and width. */
export const sampleSize = v.union([
  v.pipe(count, v.transform((side): DenoiserConfig["sampleSize"] => [side, side])),
  v.strictTuple([count, count]),
], "must be one whole number or two, height and width");

/** The folder's `config.json` in the engine's words. */
export interface DenoiserConfig {
  readonly channels: number;
  /** Those beyond `channels` are a learned variance. */
  readonly outputChannels: number;
  /** Height and width of the latents that the model was trained on. */
  readonly sampleSize: readonly [height: number, width: number];
  /** Sides of latents must be a multiple of this. */
  readonly multipleOf: number;
  /** Whether the model takes the image's size as an input. */
  readonly sizeConditions: boolean;
}
