/** Lays a field of numbers over an image in colours. */
import { interpolateInferno } from "d3-scale-chromatic";
import { enlarge, type MapGrid, normalize } from "../../gpu-function/insights/mod.ts";
import type { RgbImage } from "../../gpu-function/image/rgb.ts";

/** Share of the colour in the overlay; the rest is the image. */
const OPACITY = 0.65;

/**
 * @param map scaled to the image's size; its least value becomes black, its greatest bright yellow,
 *   on the perceptually even scale Inferno, where equal differences look equal
 */
export function overlayHeatMap(image: RgbImage, map: MapGrid): RgbImage {
  const { width, height } = image;
  const heat = normalize(enlarge(map, { width, height }));
  const data = new Uint8Array(image.data.length);
  for (let i = 0; i < heat.data.length; i++) {
    const colour = COLOURS[Math.round(heat.data[i]! * 255)]!;
    for (const c of [0, 1, 2] as const) {
      data[3 * i + c] = Math.round(OPACITY * colour[c] + (1 - OPACITY) * image.data[3 * i + c]!);
    }
  }
  return { width, height, data };
}

const COLOURS = Array.from({ length: 256 }, (_, i) => parseHex(interpolateInferno(i / 255)));

/** Reads `#rrggbb`. */
function parseHex(hex: string): readonly [number, number, number] {
  const value = parseInt(hex.slice(1), 16);
  return [value >> 16, value >> 8 & 255, value & 255];
}
