/** How far two arrays or pictures are apart, and the bounds that count as agreement. */
import assert from "node:assert/strict";

/** Of latents after 20 steps in float32, and on the way; seen are 3e-6. */
export const LATENTS_BOUND = 2e-5;
/** Of latents by weights and values in float16; seen are 2e-3. */
export const HALF_BOUND = 1e-2;
/** Of latents where integers cut the fractions off the timesteps; seen are 3e-3 to 5e-3. */
export const WHOLE_TIMESTEPS_BOUND = 2e-2;
/** Of text states, which one run of a graph gives. */
export const STATES_BOUND = 1e-5;
/** Of 255, mean over all channels of all pixels. */
export const PIXEL_MEAN_BOUND = 2;
/** Share of pixels of which some channel is further off than that. */
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

/** Of pictures in red, green, blue. */
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
