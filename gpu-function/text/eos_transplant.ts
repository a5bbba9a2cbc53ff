/** The [EOS] swap on text states: rows of one encoding put in place of rows of another. */

/** Text states of one prompt: one row of `width` values per token position. */
export interface TextStates {
  readonly data: Float32Array;
  readonly positions: number;
  readonly width: number;
  /** Per position 1, or 0 where the denoiser must not look; absent where it looks everywhere. */
  readonly mask?: readonly number[];
}

/**
 * A's states with some rows taken from B. Each prompt has had its own pass through the encoder, so
 * B's [EOS] still sums up B's words (paper, section 5.1).
 *
 * @param sources per position of A the position of B, or null to keep A's (`eosSwapSources`)
 * @throws RangeError when states or sources do not match in shape, or the states are masked
 */
export function transplantEos(
  a: TextStates,
  b: TextStates,
  sources: readonly (number | null)[],
): TextStates {
  const { positions, width } = a;
  if (a.mask || b.mask) {
    throw new RangeError(
      "Text states with an attention mask have no [EOS] padding to put in place",
    );
  }
  if (b.positions !== positions || b.width !== width || sources.length !== positions) {
    throw new RangeError(
      `Text states must match: ${positions}x${width}, ${b.positions}x${b.width} and ` +
        `${sources.length} sources`,
    );
  }
  const data = a.data.slice();
  for (const [position, source] of sources.entries()) {
    if (source === null) continue;
    if (source < 0 || source >= positions) {
      throw new RangeError(`Source position must be from 0 to ${positions - 1}, given ${source}`);
    }
    data.set(b.data.subarray(source * width, (source + 1) * width), position * width);
  }
  return { data, positions, width };
}
