/** A model package with its graphs in memory, ready to plan and to run. */
import { createPromptTokenizer, type PromptTokenizer } from "../../../contract/mod.ts";
import type { ModelPackage } from "../../packages/model_package.ts";
import { type Denoiser, type DenoiserOptions, loadDenoiser } from "../../onnx/denoiser.ts";
import type { OnnxSession } from "../../onnx/session.ts";
import { loadTextEncoder, type TextEncoder } from "../../onnx/text_encoder.ts";
import { loadVaeDecoder, type VaeDecoder } from "../../onnx/vae_decoder.ts";
import { loadSafetyChecker, type SafetyChecker } from "../../onnx/safety_checker.ts";

export interface LoadedModel extends ModelPackage {
  readonly tokenizer: PromptTokenizer;
  readonly textEncoder: TextEncoder;
  readonly denoiser: Denoiser;
  readonly vaeDecoder: VaeDecoder;
  /** Null where the package ships none, or nobody is to look. */
  readonly safetyChecker: SafetyChecker | null;
}

export function createTokenizer(
  { tokenizerJson, tokenizerConfig, manifest }: ModelPackage,
): PromptTokenizer {
  return createPromptTokenizer(tokenizerJson, tokenizerConfig, manifest.text);
}

export interface LoadOptions extends DenoiserOptions {
  /** Whether the denoiser gives its attention for rows that ask. */
  readonly tapped?: boolean;
  /** Whether images are to be looked at, where the package can; so by default. */
  readonly checked?: boolean;
}

/** @throws RangeError naming the file that does not fit; nothing stays in memory then */
export async function loadModel(
  modelPackage: ModelPackage,
  options: LoadOptions,
): Promise<LoadedModel> {
  const { manifest: { latents, text }, files, family, denoiserConfig, vae, taps } = modelPackage;
  const { paddingMasked } = family.text;
  const loaded: OnnxSession[] = [];
  const keep = <P extends { readonly session: OnnxSession }>(part: P): P => {
    loaded.push(part.session);
    return part;
  };
  try {
    const encoderForm = { ...text, paddingMasked };
    const textEncoder = keep(await loadTextEncoder(files.textEncoder, encoderForm, options));
    const denoiserForm = {
      ...denoiserConfig,
      names: family.denoiser.names,
      textMasked: paddingMasked,
      pixelsPerLatent: denoiserConfig.sizeConditions ? latents.vae_scale_factor : null,
      textWidth: textEncoder.width,
      taps: options.tapped ? taps : [],
    };
    const denoiser = keep(await loadDenoiser(files.denoiser, denoiserForm, options));
    const vaeDecoder = keep(await loadVaeDecoder(files.vaeDecoder, vae, options));
    const safetyChecker = files.safetyChecker && (options.checked ?? true)
      ? keep(await loadSafetyChecker(files.safetyChecker, options))
      : null;
    const tokenizer = createTokenizer(modelPackage);
    return { ...modelPackage, tokenizer, textEncoder, denoiser, vaeDecoder, safetyChecker };
  } catch (error) {
    for (const session of loaded) await session.release();
    throw error;
  }
}
