/**
 * The two-dimensional discrete Fourier transform of latents, channel by channel, as the paper writes it
 * (section 4.2): F(u, v) = 1/(MN) sum over k, l of x_kl exp(-2 pi i (ku/M + lv/N)).
 * One axis after the other with tables of cosines: latents have any sides from 8 to some hundred, where
 * this costs milliseconds, and a fast transform for powers of two alone would not do.
 */
import type { Latents } from "../diffusion/mod.ts";

export interface Spectrum {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** |F(u, v)|^2 per channel and bin, [channels, height, width], frequency 0 first. */
  readonly power: Float64Array;
}

/** @param x [channels, height, width] */
export function powerSpectrum({ data, shape }: Latents): Spectrum {
  const [channels = 0, height = 0, width = 0] = shape;
  const area = height * width;
  const power = new Float64Array(channels * area);
  for (let c = 0; c < channels; c++) {
    const plane = data.subarray(c * area, (c + 1) * area);
    power.set(planePower(plane, height, width), c * area);
  }
  return { channels, height, width, power };
}

function planePower(
  plane: Float32Array,
  height: number,
  width: number,
): Float64Array {
  const rows = transformRows(plane, height, width);
  const down = turns(height);
  const power = new Float64Array(height * width);
  const half = Math.floor(width / 2);
  for (let v = 0; v <= half; v++) {
    for (let u = 0; u < height; u++) {
      let real = 0;
      let imaginary = 0;
      for (let k = 0, turn = 0; k < height; k++, turn += u) {
        if (turn >= height) turn -= height;
        const [re, im] = [
          rows.real[v * height + k]!,
          rows.imaginary[v * height + k]!,
        ];
        real += re * down.cosine[turn]! + im * down.sine[turn]!;
        imaginary += im * down.cosine[turn]! - re * down.sine[turn]!;
      }
      const value = (real * real + imaginary * imaginary) /
        (height * width) ** 2;
      power[u * width + v] = value;
      // Latents are real, so opposite frequencies have equal power.
      power[(height - u) % height * width + (width - v) % width] = value;
    }
  }
  return power;
}

/** Rows transformed, up to the highest frequency that is not another one's mirror; [frequency, row]. */
function transformRows(plane: Float32Array, height: number, width: number) {
  const across = turns(width);
  const count = Math.floor(width / 2) + 1;
  const real = new Float64Array(count * height);
  const imaginary = new Float64Array(count * height);
  for (let k = 0; k < height; k++) {
    for (let v = 0; v < count; v++) {
      let re = 0;
      let im = 0;
      for (let l = 0, turn = 0; l < width; l++, turn += v) {
        if (turn >= width) turn -= width;
        const value = plane[k * width + l]!;
        re += value * across.cosine[turn]!;
        im -= value * across.sine[turn]!;
      }
      real[v * height + k] = re;
      imaginary[v * height + k] = im;
    }
  }
  return { real, imaginary };
}

interface Turns {
  readonly cosine: Float64Array;
  readonly sine: Float64Array;
}

const known = new Map<number, Turns>();

/** Cosine and sine of whole parts of a turn. */
function turns(parts: number): Turns {
  const before = known.get(parts);
  if (before) return before;
  const angle = (i: number) => 2 * Math.PI * i / parts;
  const table = {
    cosine: Float64Array.from({ length: parts }, (_, i) => Math.cos(angle(i))),
    sine: Float64Array.from({ length: parts }, (_, i) => Math.sin(angle(i))),
  };
  known.set(parts, table);
  return table;
}
