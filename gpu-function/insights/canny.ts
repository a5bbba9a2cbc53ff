/**
 * Edges as Canny (1986) finds them: smoothed by a Gaussian, Sobel's gradient, its ridges one pixel wide,
 * kept where they are strong or hang together with strong ones.
 *
 * Thresholds are parts of the picture's own greatest gradient, since attention maps differ in contrast
 * from step to step and from images: what counts is where they change most.
 */
import { type MapGrid, rangeOf } from "./map_grid.ts";

export interface CannyOptions {
  /** Of the Gaussian, pixels. */
  readonly sigma: number;
  /** Below this part of the greatest gradient nothing is an edge. */
  readonly low: number;
  /** From this part on it is one, and what hangs on it above `low`. */
  readonly high: number;
}

export const CANNY: CannyOptions = { sigma: 1, low: 0.1, high: 0.2 };

/** Gradients below this, of values about 1, are rounding. */
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
  const ridges = thin(gradient);
  const [, greatest] = rangeOf(gradient.length);
  const limits = { low: options.low * greatest, high: options.high * greatest };
  const data = greatest > FLAT
    ? connect(ridges, limits, map.width)
    : new Uint8Array(map.data.length);
  return { width: map.width, height: map.height, data };
}

/** The border's values go on beyond it. */
function smooth(map: MapGrid, sigma: number): MapGrid {
  const reach = Math.ceil(3 * sigma);
  const weights = Array.from(
    { length: 2 * reach + 1 },
    (_, i) => Math.exp(-((i - reach) ** 2) / (2 * sigma * sigma)),
  );
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const kernel = Float64Array.from(weights, (weight) => weight / total);
  return convolveDown(convolveAcross(map, kernel), kernel);
}

/** @param kernel an odd number of weights, applied as they stand */
function convolveAcross(
  { width, height, data }: MapGrid,
  kernel: Float64Array,
): MapGrid {
  return convolve({ width, height, data }, kernel, {
    lines: height,
    stride: 1,
    length: width,
  });
}

function convolveDown(
  { width, height, data }: MapGrid,
  kernel: Float64Array,
): MapGrid {
  return convolve({ width, height, data }, kernel, {
    lines: width,
    stride: width,
    length: height,
  });
}

function convolve(
  map: MapGrid,
  kernel: Float64Array,
  { lines, stride, length }: {
    readonly lines: number;
    /** From one value of a line to the next. */
    readonly stride: number;
    readonly length: number;
  },
): MapGrid {
  const reach = (kernel.length - 1) / 2;
  const data = new Float32Array(map.data.length);
  // The line with its ends repeated, so that the inner loop asks for no border.
  const line = new Float64Array(length + 2 * reach);
  const lineStart = stride === 1 ? length : 1;
  for (let l = 0; l < lines; l++) {
    const start = l * lineStart;
    for (let i = 0; i < line.length; i++) {
      const inside = Math.min(Math.max(i - reach, 0), length - 1);
      line[i] = map.data[start + inside * stride]!;
    }
    for (let i = 0; i < length; i++) {
      let sum = 0;
      for (let k = 0; k < kernel.length; k++) sum += kernel[k]! * line[i + k]!;
      data[start + i * stride] = sum;
    }
  }
  return { ...map, data };
}

interface Gradient {
  readonly width: number;
  readonly height: number;
  readonly x: Float32Array;
  readonly y: Float32Array;
  readonly length: Float32Array;
}

/** Sobel's two kernels as products; with these weights a step of 1 between two cells has gradient 1. */
const ALONG = Float64Array.of(-1, 0, 1);
const BESIDE = Float64Array.of(0.25, 0.5, 0.25);

function sobel(map: MapGrid): Gradient {
  const x = convolveDown(convolveAcross(map, ALONG), BESIDE).data;
  const y = convolveAcross(convolveDown(map, ALONG), BESIDE).data;
  const length = new Float32Array(x.length);
  for (let i = 0; i < length.length; i++) {
    length[i] = Math.sqrt(x[i]! ** 2 + y[i]! ** 2);
  }
  return { width: map.width, height: map.height, x, y, length };
}

/** Gradient lengths where they are greatest along their own direction, else 0. */
function thin({ width, height, x, y, length }: Gradient): Float32Array {
  const ridges = new Float32Array(length.length);
  const at = (column: number, row: number) =>
    column < 0 || row < 0 || column >= width || row >= height ? 0 : length[row * width + column]!;
  for (let row = 0, i = 0; row < height; row++) {
    for (let column = 0; column < width; column++, i++) {
      const value = length[i]!;
      if (value <= FLAT) continue;
      const [dx, dy] = direction(x[i]!, y[i]!);
      // Of two equal neighbours one stays: an ideal step has its gradient on both of its sides.
      if (value <= at(column - dx, row - dy) + FLAT) continue;
      if (value >= at(column + dx, row + dy) - FLAT) ridges[i] = value;
    }
  }
  return ridges;
}

const ACROSS = [1, 0] as const;
const DOWN = [0, 1] as const;
const FALLING = [1, 1] as const;
const RISING = [-1, 1] as const;
/** tan(22.5 degrees) */
const EIGHTH = Math.SQRT2 - 1;

/** The nearest of the four directions to neighbours. */
function direction(x: number, y: number): readonly [dx: number, dy: number] {
  if (Math.abs(y) < EIGHTH * Math.abs(x)) return ACROSS;
  if (Math.abs(x) < EIGHTH * Math.abs(y)) return DOWN;
  return x > 0 === y > 0 ? FALLING : RISING;
}

function connect(
  ridges: Float32Array,
  { low, high }: { readonly low: number; readonly high: number },
  width: number,
): Uint8Array {
  const edges = new Uint8Array(ridges.length);
  const waiting: number[] = [];
  const mark = (i: number) => {
    edges[i] = 1;
    waiting.push(i);
  };
  for (let i = 0; i < ridges.length; i++) if (ridges[i]! >= high) mark(i);
  for (let i = waiting.pop(); i !== undefined; i = waiting.pop()) {
    for (const neighbour of neighbours(i, width)) {
      if (edges[neighbour] === 0 && ridges[neighbour]! > low) mark(neighbour);
    }
  }
  return edges;
}

/** Indices may lie above or below the picture, where nothing is. */
function neighbours(i: number, width: number): number[] {
  const columns = [0];
  if (i % width > 0) columns.push(-1);
  if (i % width < width - 1) columns.push(1);
  return columns.flatMap((dx) => [i + dx - width, i + dx, i + dx + width]);
}
