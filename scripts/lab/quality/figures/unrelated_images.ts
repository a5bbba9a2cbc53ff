/** Makes images that show nothing, to test whether a judge says yes to anything. Pure. */
import type { RgbImage } from "../../../../gpu-function/image/rgb.ts";
import { seededDraws } from "../../statistics/seeded_draws.ts";

const NOISE_SEED = 5;
const PLAIN_SEED = 6;

/** Draws every value of every pixel independently. */
export function noiseImages(count: number, side: number): RgbImage[] {
  const draws = seededDraws(NOISE_SEED);
  return Array.from({ length: count }, () => ({
    width: side,
    height: side,
    data: Uint8Array.from({ length: 3 * side * side }, () => draws.below(256)),
  }));
}

/** Draws one colour all over each image. */
export function plainImages(count: number, side: number): RgbImage[] {
  const draws = seededDraws(PLAIN_SEED);
  return Array.from({ length: count }, () => {
    const colour = [0, 1, 2].map(() => draws.below(256));
    const data = Uint8Array.from({ length: 3 * side * side }, (_, i) => colour[i % 3]!);
    return { width: side, height: side, data };
  });
}
