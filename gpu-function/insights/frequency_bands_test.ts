// The transform against its definition, the bands against theory for noise and against pure waves.
/// <reference lib="deno.ns" />
import assert from "node:assert/strict";
import { createLatents, createNoiseSource, type Latents } from "../diffusion/mod.ts";
import { createFrequencyBands, variationOf } from "./frequency_bands.ts";
import { powerSpectrum } from "./spectrum.ts";

const close = (a: number, b: number, tolerance = 1e-9) =>
  assert.ok(Math.abs(a - b) <= tolerance, `${a} is not ${b}`);

/** The paper's sum, term by term. */
function definedPower(
  { data, shape }: Latents,
  c: number,
  u: number,
  v: number,
): number {
  const [, m = 0, n = 0] = shape;
  let [real, imaginary] = [0, 0];
  for (let k = 0; k < m; k++) {
    for (let l = 0; l < n; l++) {
      const angle = -2 * Math.PI * (k * u / m + l * v / n);
      const value = data[(c * m + k) * n + l]! / (m * n);
      real += value * Math.cos(angle);
      imaginary += value * Math.sin(angle);
    }
  }
  return real ** 2 + imaginary ** 2;
}

for (const [height, width] of [[8, 5], [6, 9], [1, 4]] as const) {
  Deno.test(`the spectrum of ${height}x${width} is the paper's sum at every bin`, () => {
    const x = createNoiseSource(3, [2, height, width])();
    const { power } = powerSpectrum(x);
    assert.equal(power.length, 2 * height * width);
    for (const [i, value] of power.entries()) {
      const [c, u] = [
        Math.floor(i / (height * width)),
        Math.floor(i / width) % height,
      ];
      close(value, definedPower(x, c, u, i % width), 1e-12);
    }
  });
}

Deno.test("both bands together hold the energy of the latents (Parseval)", () => {
  const x = createNoiseSource(5, [3, 8, 12])();
  const { low, high } = createFrequencyBands([3, 8, 12], 0.2).normsOf(x);
  const energy = x.data.reduce((sum, value) => sum + value ** 2, 0) / 96;
  close(low ** 2 + high ** 2, energy, 1e-9);
});

Deno.test("the low band is the smallest disc with a fifth of the bins, whole rings at a time", () => {
  const sizes = [[8, 8, 13], [16, 16, 57], [64, 64, 821]] as const;
  for (const [height, width, low] of sizes) {
    const { bins } = createFrequencyBands([1, height, width], 0.2);
    assert.deepEqual(bins, { low, high: height * width - low });
    assert.ok(low >= 0.2 * height * width && low < 0.23 * height * width);
  }
  assert.equal(createFrequencyBands([1, 8, 8], 5 / 64).bins.low, 5);
  assert.equal(createFrequencyBands([1, 8, 8], 5.01 / 64).bins.low, 9);
});

Deno.test("distance is in cycles per cell: oblong latents have as oblong a disc", () => {
  // [0, v] and [u, 0] with v / 16 < u / 8: the flatter wave is lower.
  const wave = (u: number, v: number) =>
    createLatents(
      Float32Array.from({ length: 128 }, (_, i) =>
        Math.cos(
          2 * Math.PI * (u * Math.floor(i / 16) / 8 + v * (i % 16) / 16),
        )),
      [1, 8, 16],
    );
  const bands = createFrequencyBands([1, 8, 16], 0.1);
  const parts = ([u, v]: readonly [number, number]) => bands.normsOf(wave(u, v));
  for (const low of [[0, 0], [0, 2], [1, 0], [1, 2]] as const) {
    close(parts(low).high, 0, 1e-7);
  }
  for (const high of [[0, 3], [2, 0], [4, 8]] as const) {
    close(parts(high).low, 0, 1e-7);
  }
  close(parts([1, 1]).low, Math.SQRT1_2, 1e-7);
});

for (const shape of [[4, 64, 64], [12, 16, 16], [4, 8, 24]] as const) {
  Deno.test(`pure noise of ${shape.join("x")} has the norms that theory expects`, () => {
    const bands = createFrequencyBands(shape, 0.2);
    const draws = 24;
    const noise = createNoiseSource(11, shape);
    const means = { low: 0, high: 0 };
    for (let i = 0; i < draws; i++) {
      const norms = bands.normsOf(noise());
      for (const band of ["low", "high"] as const) {
        means[band] += norms[band] ** 2 / draws;
      }
    }
    const [channels, height, width] = shape;
    for (const band of ["low", "high"] as const) {
      const expected = bands.noise[band] ** 2;
      close(expected, channels * bands.bins[band] / (height * width));
      // A band's energy is chi-squared with as many degrees of freedom as it has bins.
      const deviation = expected *
        Math.sqrt(2 / (channels * bands.bins[band] * draws));
      close(means[band], expected, 4 * deviation);
    }
  });
}

Deno.test("every bin of noise has the energy 1/(MN) of Prop. 1", () => {
  const [height, width, draws] = [8, 6, 400];
  const noise = createNoiseSource(2, [1, height, width]);
  const means = new Float64Array(height * width);
  for (let i = 0; i < draws; i++) {
    const { power } = powerSpectrum(noise());
    for (const [bin, value] of power.entries()) means[bin]! += value / draws;
  }
  // Real bins (0 and the half frequencies) vary as chi-squared with one degree of freedom.
  const deviation = Math.sqrt(2 / draws) / (height * width);
  for (const value of means) close(value, 1 / (height * width), 5 * deviation);
});

Deno.test("variation compares each band with the same band of the final latents", () => {
  const shape = [1, 8, 8];
  const constant = createLatents(new Float32Array(64).fill(2), shape);
  const checks = createLatents(
    Float32Array.from(
      { length: 64 },
      (_, i) => (Math.floor(i / 8) + i) % 2 === 0 ? 3 : -3,
    ),
    shape,
  );
  const both = createLatents(
    constant.data.map((value, i) => value + checks.data[i]!),
    shape,
  );
  const bands = createFrequencyBands(shape, 0.2);
  const doubled = createLatents(
    both.data.map((v, i) => v + 0.5 * checks.data[i]!),
    shape,
  );
  const { low, high } = variationOf(doubled, both, bands);
  close(low ?? NaN, 0);
  close(high ?? NaN, 0.5);
  assert.deepEqual(
    variationOf(both, createLatents(new Float32Array(64), shape), bands),
    {
      low: null,
      high: null,
    },
  );
});

Deno.test("a low part of nothing or of everything is refused", () => {
  for (const fraction of [0, 1, -0.2, NaN]) {
    assert.throws(
      () => createFrequencyBands([1, 8, 8], fraction),
      new RegExp(`above 0 and below 1, given ${fraction}`),
    );
  }
});
