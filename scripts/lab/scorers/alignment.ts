/** What an image is scored against: a text, or another image. Every scorer gives one number for each. */
import type { RgbImage } from "../../../gpu-function/image/rgb.ts";
import type { Scorer } from "./scorer.ts";

export interface ImageText {
  readonly image: RgbImage;
  readonly text: string;
}

export interface ImagePair {
  readonly image: RgbImage;
  readonly reference: RgbImage;
}

/** Higher is better; NaN where the scorer gave no answer, which reports count apart. */
export interface AlignmentScorer extends Scorer<ImageText, number> {
  readonly name: string;
}

export interface SimilarityScorer extends Scorer<ImagePair, number> {
  readonly name: string;
}
