/** Random values from the platform's generator. */

/** Returns an integer from 0 to 2^32 - 1. */
export function drawSeed(): number {
  const [seed = 0] = crypto.getRandomValues(new Uint32Array(1));
  return seed;
}

/** Returns 16 bytes in hex. */
export function drawSalt(): string {
  return crypto.getRandomValues(new Uint8Array(16)).toHex();
}
