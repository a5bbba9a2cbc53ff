/** From latents or decoded samples to 8-bit RGB. Pure arithmetic. */
import { type Latents, showShape } from "../diffusion/mod.ts";
import type { MapGrid } from "../insights/mod.ts";

export interface RgbImage {
  readonly width: number;
  readonly height: number;
  /** Red, green, blue of each pixel, row by row. */
  readonly data: Uint8Array;
}

type Rgb = readonly [number, number, number];

export interface LatentRgbMap {
  /** One row per latent channel. */
  readonly matrix: readonly Rgb[];
  readonly bias: Rgb;
}

/** @param sample [3, height, width] in [-1, 1], as a VAE decoder gives it; values beyond are cut */
export function sampleToRgb({ data, shape }: Latents): RgbImage {
  const [channels, height, width] = shape;
  if (channels !== 3 || height === undefined || width === undefined) {
    throw new RangeError(`A decoded sample must be [3, height, width], given ${showShape(shape)}`);
  }
  const area = height * width;
  const pixels = new Uint8Array(3 * area);
  for (let i = 0; i < area; i++) {
    for (let c = 0; c < 3; c++) pixels[3 * i + c] = toByte(data[c * area + i]!);
  }
  return { width, height, data: pixels };
}

/**
 * The linear guess at what latents look like, one pixel per latent.
 * @throws RangeError when the map has another number of channels than the latents
 */
export function projectLatents({ data, shape }: Latents, { matrix, bias }: LatentRgbMap): RgbImage {
  const [channels = 0, height = 0, width = 0] = shape;
  if (matrix.length !== channels) {
    throw new RangeError(`latent_rgb has ${matrix.length} rows for ${channels} latent channels`);
  }
  const area = height * width;
  const pixels = new Uint8Array(3 * area);
  for (let i = 0; i < area; i++) {
    for (const rgb of [0, 1, 2] as const) {
      let value = bias[rgb];
      for (let c = 0; c < channels; c++) value += data[c * area + i]! * matrix[c]![rgb];
      pixels[3 * i + rgb] = toByte(value);
    }
  }
  return { width, height, data: pixels };
}

/** Luma of Rec. 601, 0 to 1: what counts as light and dark in an image of 8 bits. */
export function luminanceOf({ width, height, data }: RgbImage): MapGrid {
  const luminance = new Float32Array(width * height);
  for (let i = 0; i < luminance.length; i++) {
    const [red, green, blue] = [data[3 * i]!, data[3 * i + 1]!, data[3 * i + 2]!];
    luminance[i] = (0.299 * red + 0.587 * green + 0.114 * blue) / 255;
  }
  return { width, height, data: luminance };
}

/** [-1, 1] to 0 .. 255, nearest. */
function toByte(value: number): number {
  return Math.round(Math.min(Math.max((value + 1) / 2, 0), 1) * 255);
}
