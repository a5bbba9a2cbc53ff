/** A model package with its graphs in memory, ready to plan and to run. */
import type { ModelPackage } from "../../packages/model_package.ts";
import type { PackageText } from "../../packages/package_text.ts";
import { failureReason } from "../../onnx/inference/failure_reason.ts";
import { type Denoiser, type DenoiserOptions, loadDenoiser } from "../../onnx/denoiser/denoiser.ts";
import type { OnnxSession } from "../../onnx/session.ts";
import { loadTextEncoder, type TextEncoder } from "../../onnx/text_encoder.ts";
import { loadVaeDecoder, type VaeDecoder } from "../../onnx/vae_decoder.ts";
import { loadSafetyChecker, type SafetyChecker } from "../../onnx/safety_checker.ts";

export interface LoadedText extends PackageText {
  readonly encoder: TextEncoder;
}

export interface LoadedModel extends ModelPackage {
  readonly text: readonly [LoadedText, ...LoadedText[]];
  readonly denoiser: Denoiser;
  readonly vaeDecoder: VaeDecoder;
  /** Null where the package ships none, or nobody is to look. */
  readonly safetyChecker: SafetyChecker | null;
}

/** The sessions of all its graphs. */
export function sessionsOf(
  { text, denoiser, vaeDecoder, safetyChecker }: LoadedModel,
): OnnxSession[] {
  return [
    ...text.map(({ encoder }) => encoder.session),
    ...denoiser.sessions,
    vaeDecoder.session,
    ...(safetyChecker ? [safetyChecker.session] : []),
  ];
}

export async function releaseModel(model: LoadedModel): Promise<void> {
  for (const session of sessionsOf(model)) await session.release();
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
  const { manifest: { latents, cuts }, files, family, denoiserConfig, vae, taps } = modelPackage;
  const [first, ...others] = modelPackage.text;
  const loaded: OnnxSession[] = [];
  const keep = <P extends { readonly session: OnnxSession }>(part: P): P => {
    loaded.push(part.session);
    return part;
  };
  const loadText = async (text: PackageText): Promise<LoadedText> => {
    const form = { ...text.tokens, ...text.part };
    const whole = { ...text, encoder: keep(await loadTextEncoder(text.graph, form, options)) };
    if (options.executionProvider !== "cpu") await encodeNothing(whole);
    return whole;
  };
  try {
    const text: [LoadedText, ...LoadedText[]] = [await loadText(first)];
    for (const other of others) text.push(await loadText(other));
    const denoiserForm = {
      ...denoiserConfig,
      names: family.denoiser.names,
      textMasked: family.denoiser.textMasked,
      pixelsPerLatent: denoiserConfig.sizeConditions ? latents.vae_scale_factor : null,
      // What several encoders give together is the family's to know.
      textWidth: others.length === 0 ? text[0].encoder.width : null,
      taps: options.tapped ? taps : [],
      cuts: cuts.map(({ value }) => value),
    };
    const denoiser = await loadDenoiser(files.denoiser, denoiserForm, options);
    loaded.push(...denoiser.sessions);
    const vaeDecoder = keep(await loadVaeDecoder(files.vaeDecoder, vae, options));
    const safetyChecker = files.safetyChecker && (options.checked ?? true)
      ? keep(await loadSafetyChecker(files.safetyChecker, options))
      : null;
    return { ...modelPackage, text, denoiser, vaeDecoder, safetyChecker };
  } catch (error) {
    for (const session of loaded) await session.release();
    throw error;
  }
}

/**
 * Encodes the empty text. A GPU that cannot compute in the weights' type refuses convolutions when they
 * are loaded, but an encoder, which has none, only when it runs.
 * @throws RangeError naming the file
 */
async function encodeNothing({ graph, tokenizer, encoder }: LoadedText): Promise<void> {
  await encoder.encode(tokenizer.tokenize("").ids).catch((cause: unknown) => {
    const reason = failureReason(cause);
    throw new RangeError(`${graph}: onnxruntime cannot run this file: ${reason}`, { cause });
  });
}
