/** Converts RGB images for the scorers and the distances. Pure arithmetic. */
import type { RgbImage } from "../../../gpu-function/image/rgb.ts";

/** Returns Float32 [3, height, width] in [-1, 1], which the scorers were trained on. */
export function toPixels({ width, height, data }: RgbImage): Float32Array {
  const area = width * height;
  const pixels = new Float32Array(3 * area);
  for (let i = 0; i < area; i++) {
    for (let c = 0; c < 3; c++) pixels[c * area + i] = data[3 * i + c]! / 127.5 - 1;
  }
  return pixels;
}

/**
 * Makes each `side` x `side` output pixel the rounded mean of its box.
 * @throws RangeError when the boxes do not tile the image
 */
export function boxDownsample({ width, height, data }: RgbImage, side: number): RgbImage {
  if (width % side !== 0 || height % side !== 0) {
    throw new RangeError(`An image of ${width}x${height} has no ${side}x${side} equal boxes`);
  }
  const [boxWidth, boxHeight] = [width / side, height / side];
  const sums = new Float64Array(3 * side * side);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const to = 3 * (Math.floor(y / boxHeight) * side + Math.floor(x / boxWidth));
      for (let c = 0; c < 3; c++) sums[to + c]! += data[3 * (y * width + x) + c]!;
    }
  }
  const means = Uint8Array.from(sums, (sum) => Math.round(sum / (boxWidth * boxHeight)));
  return { width: side, height: side, data: means };
}
