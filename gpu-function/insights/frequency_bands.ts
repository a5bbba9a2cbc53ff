/**
 * Latents in two bands of frequency: shape is low, detail is high (paper, section 4.2 and Fig. 2).
 * The paper says only that the high band holds 80 % of the spectrum. Here the low band is the smallest
 * disc around frequency 0 that holds at least the given part of the bins, bins of equal distance being
 * all in or all out; distance counts in cycles per cell, so a band means the same in oblong latents.
 */
import { combine, type Latents } from "../diffusion/mod.ts";
import { powerSpectrum } from "./spectrum.ts";

export interface BandNorms {
  readonly low: number;
  readonly high: number;
}

export interface FrequencyBands {
  /** Bins of one channel. */
  readonly bins: { readonly low: number; readonly high: number };
  /** `sqrt(sum |F(u, v)|^2)` over channels and the band's bins, F as in the paper: with 1/(MN). */
  normsOf(x: Latents): BandNorms;
  /**
   * The expected norms of standard normal noise: every bin has E|F|^2 = 1/(MN) (paper, Prop. 1), so a
   * band has `sqrt(channels bins / (MN))`.
   */
  readonly noise: BandNorms;
}

/**
 * @param shape [channels, height, width] of the latents
 * @param lowFraction above 0 and below 1
 */
export function createFrequencyBands(
  shape: readonly number[],
  lowFraction: number,
): FrequencyBands {
  const [channels = 0, height = 0, width = 0] = shape;
  if (!(lowFraction > 0 && lowFraction < 1)) {
    throw new RangeError(
      `The low part must be above 0 and below 1, given ${lowFraction}`,
    );
  }
  const isLow = lowBins(height, width, lowFraction);
  const area = height * width;
  const low = isLow.filter((flag) => flag).length;
  const bins = { low, high: area - low };
  return {
    bins,
    noise: {
      low: Math.sqrt(channels * bins.low / area),
      high: Math.sqrt(channels * bins.high / area),
    },
    normsOf(x) {
      const { power } = powerSpectrum(x);
      const sums = { low: 0, high: 0 };
      for (const [i, value] of power.entries()) {
        sums[isLow[i % area] ? "low" : "high"] += value;
      }
      return { low: Math.sqrt(sums.low), high: Math.sqrt(sums.high) };
    },
  };
}

/**
 * `|x_t - x_0| / |x_0|` in each band (paper, Fig. 2c), x_0 being the final latents; null in a band
 * where x_0 has nothing.
 */
export function variationOf(
  x: Latents,
  final: Latents,
  bands: FrequencyBands,
): { readonly low: number | null; readonly high: number | null } {
  const apart = bands.normsOf(combine({ a: 1, b: -1 }, x, final));
  const whole = bands.normsOf(final);
  const ratio = (band: "low" | "high") => whole[band] > 0 ? apart[band] / whole[band] : null;
  return { low: ratio("low"), high: ratio("high") };
}

/** Per bin, row by row, whether it belongs to the low band. */
function lowBins(
  height: number,
  width: number,
  lowFraction: number,
): readonly boolean[] {
  const distances = Array.from({ length: height * width }, (_, i) => {
    const [u, v] = [
      fold(Math.floor(i / width), height),
      fold(i % width, width),
    ];
    // In integers, so that equal distances are equal.
    return (u * width) ** 2 + (v * height) ** 2;
  });
  const sorted = distances.toSorted((a, b) => a - b);
  const wanted = Math.ceil(lowFraction * sorted.length - 1e-9);
  const radius = sorted[wanted - 1] ?? 0;
  return distances.map((distance) => distance <= radius);
}

/** Frequencies above half the side are negative ones. */
function fold(frequency: number, side: number): number {
  return Math.min(frequency, side - frequency);
}
