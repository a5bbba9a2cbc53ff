/**
 * Standard normal noise as `torch.randn` gives it on the CPU for the same seed and shape, so that a seed
 * draws diffusers' image. torch has two algorithms, chosen by the number of values.
 */
import { log32, sineCosine32 } from "./cephes.ts";
import { createMt19937 } from "./mt19937.ts";
import { createLatents, type Latents, sizeOf } from "./latents.ts";

/** From this many values on torch fills blocks of 16. */
const BLOCK = 16;

/**
 * Equals `torch.randn(shape, generator=torch.Generator().manual_seed(seed))`, torch 2.15 on x86 with AVX2
 * or AVX-512, in every bit: no difference in 4,194,304 values of four seeds. (Its build for processors
 * without them differs from that itself, by up to 2e-6.)
 *
 * @param seed an integer from 0 to 2^32 - 1
 */
export function seededNoise(seed: number, shape: readonly number[]): Latents {
  return createNoiseSource(seed, shape)();
}

/**
 * The noise of one generator, draw after draw, as diffusers draws it for `generator=`: the initial
 * latents first, then what a stochastic sampler adds.
 *
 * @param seed an integer from 0 to 2^32 - 1; torch keeps the low 32 bits of larger ones
 */
export function createNoiseSource(seed: number, shape: readonly number[]): () => Latents {
  const random = createMt19937(seed);
  const size = sizeOf(shape);
  const fill = size < BLOCK ? createPairwiseFill(random) : createBlockFill(random);
  return () => {
    const data = new Float32Array(size);
    fill(data);
    return createLatents(data, shape);
  };
}

type Fill = (data: Float32Array) => void;

/** Box-Muller in float64, cosine first; the sine is kept for the next value, even of the next draw. */
function createPairwiseFill(random: () => number): Fill {
  let kept: number | undefined;
  const next = () => {
    if (kept !== undefined) {
      const value = kept;
      kept = undefined;
      return value;
    }
    const theta = 2 * Math.PI * uniform53(random);
    const radius = Math.sqrt(-2 * Math.log1p(-uniform53(random)));
    kept = radius * Math.sin(theta);
    return radius * Math.cos(theta);
  };
  return (data) => {
    for (let i = 0; i < data.length; i++) data[i] = next();
  };
}

function createBlockFill(random: () => number): Fill {
  return (data) => {
    for (let i = 0; i < data.length; i++) data[i] = uniform24(random);
    for (let i = 0; i + BLOCK <= data.length; i += BLOCK) toNormal(data.subarray(i, i + BLOCK));
    if (data.length % BLOCK === 0) return;
    // torch draws the last 16 values anew rather than leave a short block, so some are overwritten.
    const last = data.subarray(data.length - BLOCK);
    for (let i = 0; i < BLOCK; i++) last[i] = uniform24(random);
    toNormal(last);
  };
}

const TWO_PI = Math.fround(2 * Math.PI);

/** Box-Muller over a block of 16 uniform values in float32: the i-th pairs with the (i + 8)-th. */
function toNormal(block: Float32Array): void {
  for (let i = 0; i < BLOCK / 2; i++) {
    const radius = Math.fround(Math.sqrt(-2 * log32(1 - block[i]!)));
    const { sine, cosine } = sineCosine32(Math.fround(TWO_PI * block[i + BLOCK / 2]!));
    block[i] = radius * cosine;
    block[i + BLOCK / 2] = radius * sine;
  }
}

/** [0, 1) in steps of 2^-24. */
function uniform24(random: () => number): number {
  return (random() & 0xff_ffff) / 2 ** 24;
}

/** [0, 1) in steps of 2^-53, from two draws, high word first. */
function uniform53(random: () => number): number {
  const high = random() & 0x1f_ffff;
  return (high * 2 ** 32 + random()) / 2 ** 53;
}
