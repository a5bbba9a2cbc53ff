/**
 * Fits the linear map from a latent to RGB, which draws previews, to the package's own VAE decoder.
 * Smooth random latents are decoded, and the mean colour below each latent is regressed on it.
 */
import {
  createLatents,
  type Latents,
  seededNoise,
  sizeOf,
} from "../../../../gpu-function/diffusion/mod.ts";
import type { LatentRgbMap } from "../../../../gpu-function/image/rgb.ts";

export interface LatentRgbFit {
  readonly map: LatentRgbMap;
  /** Share of the colours' variance that the map explains, on draws that it was not fitted to. */
  readonly r2: number;
}

const DRAWS = 12;
/** Number of draws that are kept from the fit. */
const HELD_OUT = 4;
/** Noise per side, smoothed to the latents' size: pictures are smooth, noise is not. */
const COARSE = 3;
const DIGITS = 5;

/**
 * @param decode takes latents [channels, h, w], returns samples [3, height, width] in [-1, 1]
 * @param shape of the latents to draw
 * @throws RangeError when the decoder gives other sizes or values that are not finite
 */
export async function fitLatentRgb(
  decode: (latents: Latents) => Promise<Latents>,
  shape: readonly [channels: number, height: number, width: number],
): Promise<LatentRgbFit> {
  const fitted: Observation[] = [];
  const heldOut: Observation[] = [];
  for (let draw = 0; draw < DRAWS; draw++) {
    const latents = smoothLatents(draw, shape);
    const into = draw < DRAWS - HELD_OUT ? fitted : heldOut;
    into.push(...observe(latents, await decode(latents)));
  }
  const map = solve(fitted, shape[0]);
  return { map, r2: explainedShare(heldOut, map) };
}

/** Draws have unit variance, as the denoiser's latents do: half is one colour, half is shapes. */
export function smoothLatents(
  seed: number,
  shape: readonly [channels: number, height: number, width: number],
): Latents {
  const [channels, height, width] = shape;
  // Each channel has a coarse grid of shapes, and one value for the colour of the whole.
  const coarse = seededNoise(seed, [channels, COARSE ** 2 + 1]);
  const data = new Float32Array(sizeOf(shape));
  for (let i = 0; i < data.length; i++) {
    const channel = Math.floor(i / (height * width));
    const y = Math.floor(i / width) % height;
    const x = i % width;
    const grid = channel * (COARSE ** 2 + 1);
    const offset = coarse.data[grid + COARSE ** 2] ?? 0;
    const shapes = interpolate(coarse.data, grid, position(y, height), position(x, width));
    data[i] = (offset + 1.5 * shapes) / Math.SQRT2;
  }
  return createLatents(data, shape);
}

/** Returns a place on the coarse grid, from 0 to COARSE - 1 along a side. */
function position(i: number, side: number): number {
  return (COARSE - 1) * (i + 0.5) / side;
}

/** Interpolates bilinearly in a grid of COARSE x COARSE values. */
function interpolate(data: Float32Array, grid: number, y: number, x: number): number {
  const [row, column] = [Math.min(Math.floor(y), COARSE - 2), Math.min(Math.floor(x), COARSE - 2)];
  const at = (dy: number, dx: number) => data[grid + (row + dy) * COARSE + column + dx] ?? 0;
  const along = (dy: number) => at(dy, 0) + (x - column) * (at(dy, 1) - at(dy, 0));
  return along(0) + (y - row) * (along(1) - along(0));
}

interface Observation {
  /** The channels of one latent, and 1 for the bias. */
  readonly inputs: readonly number[];
  readonly rgb: readonly [number, number, number];
}

function observe({ data, shape }: Latents, sample: Latents): Observation[] {
  const [channels = 0, height = 0, width = 0] = shape;
  const [planes, sampleHeight = 0, sampleWidth = 0] = sample.shape;
  const scale = sampleHeight / height;
  if (planes !== 3 || !Number.isInteger(scale) || sampleWidth !== width * scale) {
    const given = sample.shape.join(", ");
    throw new RangeError(`latents of ${height}x${width} decode to [${given}], no whole multiple`);
  }
  const colour = (plane: number, y: number, x: number) => {
    let sum = 0;
    for (let dy = 0; dy < scale; dy++) {
      const start = (plane * sampleHeight + y * scale + dy) * sampleWidth + x * scale;
      for (let dx = 0; dx < scale; dx++) {
        sum += Math.min(Math.max(sample.data[start + dx] ?? NaN, -1), 1);
      }
    }
    if (!Number.isFinite(sum)) throw new RangeError("latents decode to values that are no numbers");
    return sum / scale ** 2;
  };
  return Array.from({ length: height * width }, (_, i) => {
    const [y, x] = [Math.floor(i / width), i % width];
    const latent = Array.from({ length: channels }, (_, c) => data[c * height * width + i] ?? 0);
    return { inputs: [...latent, 1], rgb: [colour(0, y, x), colour(1, y, x), colour(2, y, x)] };
  });
}

/** Solves least squares by the normal equations: few unknowns, well conditioned by the draws. */
function solve(observations: readonly Observation[], channels: number): LatentRgbMap {
  const n = channels + 1;
  const rows = Array.from({ length: n }, () => new Float64Array(n + 3));
  for (const { inputs, rgb } of observations) {
    for (const [i, row] of rows.entries()) {
      for (let j = 0; j < n; j++) row[j]! += inputs[i]! * inputs[j]!;
      for (const c of [0, 1, 2] as const) row[n + c]! += inputs[i]! * rgb[c];
    }
  }
  eliminate(rows);
  const weights = rows.map((row) =>
    [0, 1, 2].map((c) => Number(row[n + c]!.toFixed(DIGITS))) as [number, number, number]
  );
  return { matrix: weights.slice(0, channels), bias: weights[channels]! };
}

/** Applies Gauss-Jordan in place with pivots; the right-hand sides become the solution. */
function eliminate(rows: Float64Array[]): void {
  for (let i = 0; i < rows.length; i++) {
    const below = rows.slice(i).map((row) => Math.abs(row[i]!));
    const pivot = i + below.indexOf(Math.max(...below));
    [rows[i], rows[pivot]] = [rows[pivot]!, rows[i]!];
    const row = rows[i]!;
    const scale = row[i]!;
    if (scale === 0) throw new RangeError("the random latents do not tell the channels apart");
    for (let j = 0; j < row.length; j++) row[j]! /= scale;
    for (const other of rows) {
      const factor = other[i]!;
      if (other === row || factor === 0) continue;
      for (let j = 0; j < row.length; j++) other[j]! -= factor * row[j]!;
    }
  }
}

function explainedShare(observations: readonly Observation[], map: LatentRgbMap): number {
  const weights = [...map.matrix, map.bias];
  let residual = 0;
  let total = 0;
  for (const c of [0, 1, 2] as const) {
    const mean = observations.reduce((sum, { rgb }) => sum + rgb[c], 0) / observations.length;
    for (const { inputs, rgb } of observations) {
      const guess = inputs.reduce((sum, value, i) => sum + value * weights[i]![c], 0);
      residual += (rgb[c] - guess) ** 2;
      total += (rgb[c] - mean) ** 2;
    }
  }
  // A decoder of one colour leaves nothing to explain, since the bias alone explains it.
  return total === 0 ? 1 : 1 - residual / total;
}
