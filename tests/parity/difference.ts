/** How far two arrays or pictures are apart, and the bounds that count as agreement. */
import assert from "node:assert/strict";

/** Relative L2 of latents in float32, in and after 20 steps; 3e-6 was seen. */
export const LATENTS_BOUND = 2e-5;
/** Relative L2 of latents with weights and values in float16; 2e-3 was seen. */
export const HALF_BOUND = 1e-2;
/** Relative L2 of latents where timesteps are cut to integers; 3e-3 to 5e-3 was seen. */
export const WHOLE_TIMESTEPS_BOUND = 2e-2;
/** Relative L2 of text states, which come from a single run of a graph. */
export const STATES_BOUND = 1e-5;
/** Mean difference over all channels of all pixels, in levels from 0 to 255. */
export const PIXEL_MEAN_BOUND = 2;
/** Share of pixels in which some channel differs by more than that. */
export const PIXELS_OFF_BOUND = 0.001;

/** `|ours - theirs| / |theirs|` in the Euclidean norm. */
export function relativeL2(ours: Float32Array, theirs: Float32Array): number {
  assert.equal(ours.length, theirs.length);
  let difference = 0;
  let size = 0;
  for (const [i, value] of theirs.entries()) {
    difference += (ours[i]! - value) ** 2;
    size += value ** 2;
  }
  return Math.sqrt(difference / size);
}

export interface PixelDifference {
  readonly mean: number;
  readonly off: number;
}

/** The difference of two pictures in red, green, blue. */
export function pixelDifference(ours: Uint8Array, theirs: Uint8Array): PixelDifference {
  assert.equal(ours.length, theirs.length);
  const distances = Array.from(ours, (value, i) => Math.abs(value - theirs[i]!));
  const off = new Set<number>();
  for (const [i, distance] of distances.entries()) {
    if (distance > PIXEL_MEAN_BOUND) off.add(Math.floor(i / 3));
  }
  const mean = distances.reduce((sum, distance) => sum + distance, 0) / distances.length;
  return { mean, off: off.size / (distances.length / 3) };
}
