/**
 * CLIPScore is the raw cosine of two embeddings, not scaled and not cut off at 0. T2I-CompBench
 * computes it so, and the paper's values of 0.24 to 0.28 fit (Table 1).
 */
import type { RgbImage } from "../../../../gpu-function/image/rgb.ts";
import { cosine } from "../../statistics/distance.ts";
import type { AlignmentScorer, SimilarityScorer } from "../alignment.ts";
import type { DualEncoder } from "../scorer.ts";
import { rememberScores } from "../remembered_scorer.ts";

export interface ClipScorers {
  readonly alignment: AlignmentScorer;
  readonly similarity: SimilarityScorer;
}

/** Both scorers use the encoder, which the caller releases; an image or text is embedded once. */
export function clipScorers(encoder: DualEncoder): ClipScorers {
  const images = rememberScores(encoder.images);
  const ofImages = (asked: readonly RgbImage[]) => images.score(asked);
  const texts = new Map<string, Float32Array>();
  const ofTexts = async (asked: readonly string[]) => {
    const missing = [...new Set(asked)].filter((text) => !texts.has(text));
    const embeddings = await encoder.texts.score(missing);
    for (const [i, text] of missing.entries()) texts.set(text, embeddings[i]!);
    return asked.map((text) => texts.get(text)!);
  };
  const release = () => Promise.resolve();
  return {
    alignment: {
      name: "text CLIPScore",
      async score(pairs) {
        const shown = await ofImages(pairs.map(({ image }) => image));
        const asked = await ofTexts(pairs.map(({ text }) => text));
        return shown.map((embedding, i) => cosine(embedding, asked[i]!));
      },
      release,
    },
    similarity: {
      name: "image CLIPScore",
      async score(pairs) {
        const shown = await ofImages(pairs.map(({ image }) => image));
        const references = await ofImages(pairs.map(({ reference }) => reference));
        return shown.map((embedding, i) => cosine(embedding, references[i]!));
      },
      release,
    },
  };
}
