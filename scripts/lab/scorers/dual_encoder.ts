/** Images and texts to vectors of one space: mini's own pair of graphs, or any CLIP as ONNX. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { PromptTokenizer } from "../../../contract/mod.ts";
import type { RgbImage } from "../../../gpu-function/image/rgb.ts";
import { loadClip } from "./clip_folder.ts";
import { loadImageEncoder } from "./dual_encoder_image.ts";
import { loadTextScorer } from "./dual_encoder_text.ts";
import type { Scorer } from "./scorer.ts";

export interface DualEncoder {
  readonly images: Scorer<RgbImage, Float32Array>;
  readonly texts: Scorer<string, Float32Array>;
}

/**
 * @param tokenizer of the model under test, whose text encoder mini's text graph shares
 * @throws RangeError naming the file that is missing or does not fit
 */
export async function loadDualEncoder(
  folder: string,
  tokenizer: PromptTokenizer,
): Promise<DualEncoder> {
  if (!existsSync(join(folder, "dual_encoder_image.onnx"))) return await loadClip(folder);
  return {
    images: await loadImageEncoder(folder),
    texts: await loadTextScorer(folder, tokenizer),
  };
}
