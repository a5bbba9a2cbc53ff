/**
 * What the model's output means. With x = α x0 + σ ε each kind determines both x0 and ε: Salimans and
 * Ho 2022, section 4 and appendix D, and for flow Liu et al. 2022 (rectified flow).
 */
import { combine, type Latents, weightedSum } from "./latents.ts";

/** `flow` is v = ε - x0 on the straight path α = 1 - σ. */
export type PredictionType = "epsilon" | "v_prediction" | "sample" | "flow";

/** How much of x is image and how much noise: x = signal * x0 + noise * ε. */
export interface NoiseLevel {
  readonly signal: number;
  readonly noise: number;
}

export interface NoisyPoint extends NoiseLevel {
  /** What the model sees. */
  readonly x: Latents;
}

export interface Parameterization {
  /** The model's estimate of the image without noise. */
  predictX0(output: Latents, point: NoisyPoint): Latents;
  /** Its estimate of the noise. */
  predictEpsilon(output: Latents, point: NoisyPoint): Latents;
}

export const PARAMETERIZATIONS: Readonly<Record<PredictionType, Parameterization>> = {
  epsilon: {
    predictX0: (output, { x, signal, noise }) =>
      combine({ a: 1 / signal, b: -noise / signal }, x, output),
    predictEpsilon: (output) => output,
  },
  v_prediction: {
    predictX0: (output, { x, signal, noise }) => combine({ a: signal, b: -noise }, x, output),
    predictEpsilon: (output, { x, signal, noise }) => combine({ a: noise, b: signal }, x, output),
  },
  sample: {
    predictX0: (output) => output,
    predictEpsilon: (output, { x, signal, noise }) =>
      combine({ a: 1 / noise, b: -signal / noise }, x, output),
  },
  flow: {
    predictX0: (output, { x, noise }) => combine({ a: 1, b: -noise }, x, output),
    predictEpsilon: (output, { x, signal }) => combine({ a: 1, b: signal }, x, output),
  },
};

/** The level of ᾱ: variance-preserving, ᾱ of it signal (Ho et al. 2020, eq. 4). */
export function levelOfAlpha(alphaCumprod: number): NoiseLevel {
  return { signal: Math.sqrt(alphaCumprod), noise: Math.sqrt(1 - alphaCumprod) };
}

/** The same level by σ = noise / signal, the scale of Karras et al. 2022. */
export function levelOfSigma(sigma: number): NoiseLevel {
  const signal = 1 / Math.sqrt(sigma * sigma + 1);
  return { signal, noise: sigma * signal };
}

/** The model's view of x = x0 + σ ε: scaled to unit variance (Karras et al. 2022, table 1, VP). */
export function modelView(x: Latents, sigma: number): NoisyPoint {
  const level = levelOfSigma(sigma);
  return { x: weightedSum([[level.signal, x]]), ...level };
}
