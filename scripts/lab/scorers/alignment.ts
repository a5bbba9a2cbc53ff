/** Scorers compare an image with a text or another image, and give one number for each. */
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

/** A higher score is better; NaN means no answer, which reports count separately. */
export interface AlignmentScorer extends Scorer<ImageText, number> {
  readonly name: string;
}

export interface SimilarityScorer extends Scorer<ImagePair, number> {
  readonly name: string;
}
