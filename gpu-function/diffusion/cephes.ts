/**
 * Logarithm, sine and cosine in float32 to the bit as torch's CPU generator computes them where the
 * processor has AVX2: Cephes' polynomials (Moshier 1989), with multiply-adds that round once.
 */

const { fround } = Math;

/** a b + c of float32 numbers: the product is exact in float64, the sum rounded there and once more. */
function multiplyAdd(a: number, b: number, c: number): number {
  return fround(a * b + c);
}

function polynomial(coefficients: readonly number[], x: number): number {
  return coefficients.reduce((sum, coefficient) => multiplyAdd(sum, x, coefficient));
}

const LOG = [
  7.0376836292e-2,
  -1.1514610310e-1,
  1.1676998740e-1,
  -1.2420140846e-1,
  1.4249322787e-1,
  -1.6668057665e-1,
  2.0000714765e-1,
  -2.4999993993e-1,
  3.3333331174e-1,
].map(fround);
const SQRT_HALF = fround(Math.SQRT1_2);
/** ln 2 in two parts, of which the greater has few digits, so that its multiples are exact. */
const LN2_HIGH = 0.693359375;
const LN2_LOW = fround(-2.12194440e-4);

/** Natural logarithm. @param x a multiple of 2^-24 in (0, 1] */
export function log32(x: number): number {
  const bits = 32 - Math.clz32(x * 2 ** 24);
  const half = x * 2 ** (24 - bits); // in [1/2, 1)
  const isSmall = half < SQRT_HALF;
  const exponent = bits - 24 - (isSmall ? 1 : 0);
  const m = isSmall ? fround(fround(half - 1) + half) : fround(half - 1);
  const square = fround(m * m);
  const cubic = fround(polynomial(LOG, m) * m);
  const low = multiplyAdd(cubic, square, fround(exponent * LN2_LOW));
  const rest = multiplyAdd(square, -0.5, low);
  return multiplyAdd(exponent, LN2_HIGH, fround(m + rest));
}

const SIN = [-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1].map(fround);
const COS = [2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2].map(fround);
const FOUR_OVER_PI = fround(4 / Math.PI);
/** -π/4 in three parts, each short enough for exact multiples. */
const MINUS_QUARTER_PI = [-0.78515625, -2.4187564849853515625e-4, -3.77489497744594108e-8].map(
  fround,
);

/** @param theta not negative, a float32 */
export function sineCosine32(theta: number): { sine: number; cosine: number } {
  const octant = (Math.trunc(fround(theta * FOUR_OVER_PI)) + 1) & ~1;
  const x = MINUS_QUARTER_PI.reduce((rest, part) => multiplyAdd(octant, part, rest), theta);
  const square = fround(x * x);
  const even = fround(polynomial(COS, square) * square);
  const nearOne = fround(multiplyAdd(even, square, -fround(square * 0.5)) + 1);
  const nearX = multiplyAdd(fround(polynomial(SIN, square) * square), x, x);
  const isTurned = (octant & 2) !== 0;
  const [sine, cosine] = isTurned ? [nearOne, nearX] : [nearX, nearOne];
  return {
    sine: octant & 4 ? -sine : sine,
    cosine: (octant - 2) & 4 ? cosine : -cosine,
  };
}
