/**
 * Edges as Canny (1986) finds them: smoothed by a Gaussian, Sobel's gradient, its ridges one pixel wide,
 * kept where they are strong or hang together with strong ones.
 *
 * Thresholds are parts of the picture's own greatest gradient, since attention maps differ in contrast
 * from step to step and from images: what counts is where they change most.
 */
import { type MapGrid, rangeOf } from "./map_grid.ts";

export interface CannyOptions {
  /** Standard deviation of the Gaussian, pixels. */
  readonly sigma: number;
  /** Below this part of the greatest gradient nothing is an edge. */
  readonly low: number;
  /** From this part on it is one, and what hangs on it above `low`. */
  readonly high: number;
}

export const CANNY: CannyOptions = { sigma: 1, low: 0.1, high: 0.2 };

/** Gradients below this part of the greatest value are rounding. */
const FLAT = 1e-6;

export interface EdgeMap {
  readonly width: number;
  readonly height: number;
  /** 1 on an edge, else 0, row by row. */
  readonly data: Uint8Array;
}

/** A picture of one value has no edges. */
export function findEdges(
  map: MapGrid,
  options: CannyOptions = CANNY,
): EdgeMap {
  const gradient = sobel(smooth(map, options.sigma));
  const [least, most] = rangeOf(map.data);
  const flat = FLAT * Math.max(Math.abs(least), Math.abs(most));
  const ridges = thin(gradient, flat);
  const [, greatest] = rangeOf(gradient.length);
  const limits = { low: options.low * greatest, high: options.high * greatest };
  const data = greatest > flat
    ? connect(ridges, limits, map.width)
    : new Uint8Array(map.data.length);
  return { width: map.width, height: map.height, data };
}

/** The border's values go on beyond it. */
function smooth(map: MapGrid, sigma: number): MapGrid {
  const reach = Math.ceil(2 * sigma);
  const weights = Array.from(
    { length: 2 * reach + 1 },
    (_, i) => Math.exp(-((i - reach) ** 2) / (2 * sigma * sigma)),
  );
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const kernel = Float32Array.from(weights, (weight) => weight / total);
  const { width, height } = map;
  const padded = pad(map, reach);
  const across = new Float32Array(width * padded.height);
  convolve(padded.data, across, {
    kernel,
    rows: padded.height,
    from: padded.width,
    to: width,
    stride: 1,
  });
  const data = new Float32Array(width * height);
  convolve(across, data, { kernel, rows: height, from: width, to: width, stride: width });
  return { width, height, data };
}

interface Convolution {
  readonly kernel: Float32Array;
  readonly rows: number;
  /** Width of a row of the source, and of the result. */
  readonly from: number;
  readonly to: number;
  /** In the source, from one value under the kernel to the next. */
  readonly stride: number;
}

function convolve(
  source: Float32Array,
  result: Float32Array,
  { kernel, rows, from, to, stride }: Convolution,
): void {
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < to; x++) {
      let sum = 0;
      const start = y * from + x;
      for (let k = 0; k < kernel.length; k++) sum += kernel[k]! * source[start + k * stride]!;
      result[y * to + x] = sum;
    }
  }
}

function pad({ width, height, data }: MapGrid, reach: number): MapGrid {
  const [wide, high] = [width + 2 * reach, height + 2 * reach];
  const padded = new Float32Array(wide * high);
  for (let y = 0; y < high; y++) {
    const row = Math.min(Math.max(y - reach, 0), height - 1) * width;
    for (let x = 0; x < wide; x++) {
      padded[y * wide + x] = data[row + Math.min(Math.max(x - reach, 0), width - 1)]!;
    }
  }
  return { width: wide, height: high, data: padded };
}

interface Gradient {
  readonly width: number;
  readonly height: number;
  readonly x: Float32Array;
  readonly y: Float32Array;
  readonly length: Float32Array;
}

/** Sobel's sums over four: a step of 1 between two cells has the gradient 1. */
function sobel(map: MapGrid): Gradient {
  const { width, height } = map;
  const { data, width: wide } = pad(map, 1);
  const area = width * height;
  const [x, y] = [new Float32Array(area), new Float32Array(area)];
  const length = new Float32Array(area);
  for (let row = 0, i = 0; row < height; row++) {
    for (let column = 0; column < width; column++, i++) {
      const above = row * wide + column;
      const here = above + wide;
      const below = here + wide;
      const falling = data[below + 2]! - data[above]!;
      const rising = data[above + 2]! - data[below]!;
      const dx = (falling + rising + 2 * (data[here + 2]! - data[here]!)) / 4;
      const dy = (falling - rising + 2 * (data[below + 1]! - data[above + 1]!)) / 4;
      x[i] = dx;
      y[i] = dy;
      length[i] = Math.sqrt(dx * dx + dy * dy);
    }
  }
  return { width, height, x, y, length };
}

/** Gradient lengths where they are greatest along their own direction, else 0. */
function thin({ width, height, x, y, length }: Gradient, flat: number): Float32Array {
  const ridges = new Float32Array(length.length);
  const { data, width: wide } = surround(length, width, height);
  for (let row = 0, i = 0; row < height; row++) {
    for (let column = 0; column < width; column++, i++) {
      const value = length[i]!;
      if (value <= flat) continue;
      const here = (row + 1) * wide + column + 1;
      const ahead = stepAlong(x[i]!, y[i]!, wide);
      // One of two equal neighbours stays: an ideal step has its gradient on both of its sides.
      if (value <= data[here - ahead]! + flat) continue;
      if (value >= data[here + ahead]! - flat) ridges[i] = value;
    }
  }
  return ridges;
}

/** With a border of zeros, one wide. */
function surround(values: Float32Array, width: number, height: number) {
  const wide = width + 2;
  const data = new Float32Array(wide * (height + 2));
  for (let y = 0; y < height; y++) {
    data.set(values.subarray(y * width, (y + 1) * width), (y + 1) * wide + 1);
  }
  return { data, width: wide };
}

/** tan(22.5 degrees) */
const EIGHTH = Math.SQRT2 - 1;

/** To the neighbour nearest to the gradient's direction, in cells of rows of this width. */
function stepAlong(x: number, y: number, width: number): number {
  if (Math.abs(y) < EIGHTH * Math.abs(x)) return 1;
  if (Math.abs(x) < EIGHTH * Math.abs(y)) return width;
  return x > 0 === y > 0 ? width + 1 : width - 1;
}

/** Ridges from `high` on, and those above `low` that hang on them by sides or corners. */
function connect(
  ridges: Float32Array,
  { low, high }: { readonly low: number; readonly high: number },
  width: number,
): Uint8Array {
  const height = ridges.length / width;
  const { data, width: wide } = surround(ridges, width, height);
  const around = [-wide - 1, -wide, -wide + 1, -1, 1, wide - 1, wide, wide + 1];
  const found = new Uint8Array(data.length);
  const waiting: number[] = [];
  for (let i = 0; i < data.length; i++) {
    if (data[i]! < high) continue;
    found[i] = 1;
    waiting.push(i);
  }
  for (let i = waiting.pop(); i !== undefined; i = waiting.pop()) {
    for (let k = 0; k < around.length; k++) {
      const neighbour = i + around[k]!;
      if (found[neighbour] === 1 || data[neighbour]! <= low) continue;
      found[neighbour] = 1;
      waiting.push(neighbour);
    }
  }
  const edges = new Uint8Array(ridges.length);
  for (let y = 0; y < height; y++) {
    const start = (y + 1) * wide + 1;
    edges.set(found.subarray(start, start + width), y * width);
  }
  return edges;
}
