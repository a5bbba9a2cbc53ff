/** How much signal is left at each training timestep: the alphas_cumprod (ᾱ) of DDPM. */

export type BetaSchedule = "linear" | "scaled_linear" | "squaredcos_cap_v2";

export interface BetaOptions {
  readonly num_train_timesteps: number;
  readonly beta_start: number;
  readonly beta_end: number;
  readonly beta_schedule: BetaSchedule;
  /** Whether the last timestep is pure noise, ᾱ = 0. */
  readonly rescale_betas_zero_snr: boolean;
}

/**
 * ᾱ_t for t = 0 .. num_train_timesteps - 1. diffusers computes them in float32 with torch, whose
 * cumulative product keeps a float64 accumulator; so do we, since rounding is part of the numbers.
 */
export function alphasCumprod(options: BetaOptions): Float64Array {
  return cumulativeProduct(betas(options));
}

/** β_t of Ho et al. 2020 (linear), of latent diffusion (scaled_linear), of Nichol and Dhariwal 2021. */
export function betas(options: BetaOptions): Float32Array {
  const spaced = spacedBetas(options);
  return options.rescale_betas_zero_snr ? rescaleToZeroSnr(spaced) : spaced;
}

function spacedBetas(options: BetaOptions): Float32Array {
  const { num_train_timesteps: n, beta_start, beta_end, beta_schedule } = options;
  switch (beta_schedule) {
    case "linear":
      return linspace(beta_start, beta_end, n);
    case "scaled_linear":
      return linspace(Math.sqrt(beta_start), Math.sqrt(beta_end), n).map((root) => root * root);
    case "squaredcos_cap_v2":
      return Float32Array.from(
        { length: n },
        (_, i) => Math.min(1 - cosineAlpha((i + 1) / n) / cosineAlpha(i / n), 0.999),
      );
  }
}

function cosineAlpha(t: number): number {
  return Math.cos((t + 0.008) / 1.008 * Math.PI / 2) ** 2;
}

/** Π (1 - β), the running product. */
function cumulativeProduct(betas: Float32Array): Float64Array {
  let product = 1;
  return Float64Array.from(betas, (beta) => {
    product *= Math.fround(1 - beta);
    return Math.fround(product);
  });
}

/** Lin et al. 2023, algorithm 1: sqrt(ᾱ) shifted to end at 0 and scaled to start where it did. */
function rescaleToZeroSnr(betas: Float32Array): Float32Array {
  const roots = Float32Array.from(cumulativeProduct(betas), Math.sqrt);
  const first = roots[0]!;
  const last = roots.at(-1)!;
  const scale = Math.fround(first / Math.fround(first - last));
  const alphas = roots.map((root) => Math.fround(Math.fround(root - last) * scale) ** 2);
  return alphas.map((alpha, i) => 1 - (i === 0 ? alpha : Math.fround(alpha / alphas[i - 1]!)));
}

/** torch.linspace in float32: counted from both ends, so that the last value is exactly the end. */
function linspace(start: number, end: number, count: number): Float32Array {
  const first = Math.fround(start);
  const last = Math.fround(end);
  const step = count > 1 ? Math.fround((last - first) / (count - 1)) : 0;
  return Float32Array.from(
    { length: count },
    (_, i) => i < Math.floor(count / 2) ? first + step * i : last - step * (count - 1 - i),
  );
}
