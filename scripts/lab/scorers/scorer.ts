/** Every scorer takes inputs and gives one score for each, in their order. */
import type { Feed } from "../../../gpu-function/onnx/graph.ts";
import type { RgbImage } from "../../../gpu-function/image/rgb.ts";
import { toPixels } from "../statistics/pixels.ts";

export interface Scorer<Input, Score> {
  score(inputs: readonly Input[]): Promise<Score[]>;
  release(): Promise<void>;
}

export const SESSION_OPTIONS = { executionProvider: "cpu", intraOpNumThreads: 0 } as const;
const BATCH = 50;

/** Bounds what a graph holds in memory at once. */
export async function inBatches<Input, Score>(
  inputs: readonly Input[],
  run: (batch: readonly Input[]) => Promise<readonly Score[]>,
): Promise<Score[]> {
  const scores: Score[] = [];
  for (let start = 0; start < inputs.length; start += BATCH) {
    scores.push(...await run(inputs.slice(start, start + BATCH)));
  }
  return scores;
}

/** Makes [images, 3, side, side] in [-1, 1]. @throws RangeError for an image of another size */
export function pixelFeed(images: readonly RgbImage[], side: number): Feed {
  const data = new Float32Array(images.length * 3 * side * side);
  for (const [i, image] of images.entries()) {
    if (image.width !== side || image.height !== side) {
      throw new RangeError(
        `The scorers take images of ${side}x${side}, given ${image.width}x${image.height}`,
      );
    }
    data.set(toPixels(image), i * 3 * side * side);
  }
  return { data, shape: [images.length, 3, side, side] };
}

/** Returns the rows of a [rows, width] output. */
export function rowsOf(
  { data, shape }: { readonly data: Float32Array; readonly shape: readonly number[] },
): Float32Array[] {
  const [rows = 0, width = 0] = shape;
  return Array.from({ length: rows }, (_, i) => data.slice(i * width, (i + 1) * width));
}

/** Maps images and texts to vectors of one space. */
export interface DualEncoder {
  readonly images: Scorer<RgbImage, Float32Array>;
  readonly texts: Scorer<string, Float32Array>;
}
