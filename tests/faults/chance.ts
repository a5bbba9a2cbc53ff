/** Repeatable chance: numbers from a seed that is printed. */

/** `FAULT_SEED`, or one drawn now. It is printed, so that a failure can be repeated. */
export function printedSeed(name: string): number {
  const given = Deno.env.get("FAULT_SEED");
  const [drawn = 0] = crypto.getRandomValues(new Uint32Array(1));
  const seed = given === undefined ? drawn : Number(given);
  Deno.stderr.writeSync(new TextEncoder().encode(`${name}: FAULT_SEED=${seed}\n`));
  return seed;
}

/** Integers from 0 to 2^32 - 1 (mulberry32, public domain, Tommy Ettinger). */
export function drawNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}
