/** The Mersenne Twister MT19937 (Matsumoto and Nishimura 1998), which torch draws from on a CPU. */

const STATE = 624;
const SHIFT = 397;

/** A stream of 32-bit integers. torch keeps the low 32 bits of a seed. */
export function createMt19937(seed: number): () => number {
  const state = seedState(seed);
  let position = STATE;
  return () => {
    if (position === STATE) {
      twist(state);
      position = 0;
    }
    return temper(state[position++]!);
  };
}

function seedState(seed: number): Uint32Array {
  const state = new Uint32Array(STATE);
  state[0] = seed;
  for (let i = 1; i < STATE; i++) {
    const previous = state[i - 1]!;
    state[i] = Math.imul(1_812_433_253, previous ^ (previous >>> 30)) + i;
  }
  return state;
}

function twist(state: Uint32Array): void {
  for (let i = 0; i < STATE; i++) {
    const mixed = (state[i]! & 0x8000_0000) | (state[(i + 1) % STATE]! & 0x7fff_ffff);
    const odd = mixed & 1 ? 0x9908_b0df : 0;
    state[i] = state[(i + SHIFT) % STATE]! ^ (mixed >>> 1) ^ odd;
  }
}

function temper(value: number): number {
  value ^= value >>> 11;
  value ^= (value << 7) & 0x9d2c_5680;
  value ^= (value << 15) & 0xefc6_0000;
  return (value ^ (value >>> 18)) >>> 0;
}
