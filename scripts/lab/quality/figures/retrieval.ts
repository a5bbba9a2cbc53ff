/** Measures how well texts find their images among many, and images their texts. Pure. */
import { cosine } from "../../statistics/distance.ts";
import { type Estimate, shareOf } from "../../statistics/estimate.ts";

export interface Retrieval {
  readonly text_to_image: Estimate;
  readonly image_to_text: Estimate;
}

const POOL = 100;

/**
 * Returns recall at 1 within consecutive full pools, as `recall_at_1` of
 * `scripts/training/train/dual_encoder.py` does.
 */
export function recallAtOne(
  texts: readonly Float32Array[],
  images: readonly Float32Array[],
  pool = POOL,
): Retrieval {
  const hits = { text: [] as boolean[], image: [] as boolean[] };
  for (let start = 0; start + pool <= texts.length; start += pool) {
    const [ownTexts, ownImages] = [texts, images].map((all) => all.slice(start, start + pool));
    hits.text.push(...findsOwn(ownTexts!, ownImages!));
    hits.image.push(...findsOwn(ownImages!, ownTexts!));
  }
  return { text_to_image: shareOf(hits.text), image_to_text: shareOf(hits.image) };
}

function findsOwn(queries: readonly Float32Array[], pool: readonly Float32Array[]): boolean[] {
  return queries.map((query, own) => {
    const similarities = pool.map((candidate) => cosine(query, candidate));
    return similarities.indexOf(Math.max(...similarities)) === own;
  });
}
