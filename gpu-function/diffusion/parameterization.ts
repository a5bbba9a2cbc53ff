/**
 * What the model's output means. With x = sqrt(ᾱ) x0 + sqrt(1 - ᾱ) ε each of the three determines both
 * x0 and ε (Salimans and Ho 2022, section 4 and appendix D).
 */
import { combine, type Latents } from "./latents.ts";

export type PredictionType = "epsilon" | "v_prediction" | "sample";

export interface NoisyPoint {
  readonly x: Latents;
  /** ᾱ at the point's timestep, in (0, 1). */
  readonly alphaCumprod: number;
}

export interface Parameterization {
  /** The model's estimate of the image without noise. */
  predictX0(output: Latents, point: NoisyPoint): Latents;
  /** Its estimate of the noise. */
  predictEpsilon(output: Latents, point: NoisyPoint): Latents;
}

const root = Math.sqrt;

export const PARAMETERIZATIONS: Readonly<Record<PredictionType, Parameterization>> = {
  epsilon: {
    predictX0: (output, { x, alphaCumprod: a }) =>
      combine({ a: 1 / root(a), b: -root(1 - a) / root(a) }, x, output),
    predictEpsilon: (output) => output,
  },
  v_prediction: {
    predictX0: (output, { x, alphaCumprod: a }) =>
      combine({ a: root(a), b: -root(1 - a) }, x, output),
    predictEpsilon: (output, { x, alphaCumprod: a }) =>
      combine({ a: root(1 - a), b: root(a) }, x, output),
  },
  sample: {
    predictX0: (output) => output,
    predictEpsilon: (output, { x, alphaCumprod: a }) =>
      combine({ a: 1 / root(1 - a), b: -root(a) / root(1 - a) }, x, output),
  },
};
