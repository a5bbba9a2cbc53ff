/** A model package with its graphs in memory, ready to plan and to run. */
import { createPromptTokenizer, type PromptTokenizer } from "../contract/mod.ts";
import type { ModelPackage } from "./model_package.ts";
import { type Denoiser, loadDenoiser } from "./onnx/denoiser.ts";
import type { SessionOptions } from "./onnx/session.ts";
import { loadTextEncoder, type TextEncoder } from "./onnx/text_encoder.ts";
import { loadVaeDecoder, type VaeDecoder } from "./onnx/vae_decoder.ts";

export interface LoadedModel extends ModelPackage {
  readonly tokenizer: PromptTokenizer;
  readonly textEncoder: TextEncoder;
  readonly denoiser: Denoiser;
  readonly vaeDecoder: VaeDecoder;
}

/** @throws RangeError naming the file that does not fit */
export async function loadModel(
  modelPackage: ModelPackage,
  options: SessionOptions & { readonly exact: boolean },
): Promise<LoadedModel> {
  const { manifest, files, tokenizerJson, tokenizerConfig } = modelPackage;
  const { latents, text } = manifest;
  return {
    ...modelPackage,
    tokenizer: createPromptTokenizer(tokenizerJson, tokenizerConfig, text),
    textEncoder: await loadTextEncoder(files.textEncoder, text, options),
    denoiser: await loadDenoiser(files.denoiser, { ...options, channels: latents.channels }),
    vaeDecoder: await loadVaeDecoder(files.vaeDecoder, latents, options),
  };
}
