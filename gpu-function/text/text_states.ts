/** Text states of prompts, and rows of them put in each other's place. */
import type { EncodedState, StateSource } from "../../contract/mod.ts";

/** Text states of one prompt: one row of `width` values per token position. */
export interface TextStates {
  readonly data: Float32Array;
  readonly positions: number;
  readonly width: number;
  /** Per position 1, or 0 where the denoiser must not look; absent where it looks everywhere. */
  readonly mask?: readonly number[];
}

/** What one text is to the denoiser: a state for each position, and perhaps one vector for all of it. */
export interface EncodedText {
  readonly sequence: TextStates;
  /** Null where the denoiser takes none. */
  readonly pooled: Float32Array | null;
}

/** What states may be taken from. All have the prompt's shape. */
export interface StateSupply {
  readonly prompt: TextStates;
  /** Had a pass of its own through the encoder, so its [EOS] sums up its own words (section 5.1). */
  readonly eos_swap: TextStates | null;
  /** Standard normal, a row for each position; null where no source is noise. */
  readonly noise: Float32Array | null;
}

/**
 * The states of a row, position by position from where the plan says. The mask stays the prompt's: what
 * the denoiser looks away from does not come into sight by being replaced.
 *
 * @param sources per position (`stateSources`)
 * @throws RangeError when sources and states do not match in shape, or [EOS] is taken from masked states
 */
export function assembleStates(
  sources: readonly StateSource[],
  supply: StateSupply,
): TextStates {
  const { prompt } = supply;
  const { positions, width } = prompt;
  if (sources.length !== positions) {
    throw new RangeError(`${positions} text states need as many sources, given ${sources.length}`);
  }
  const data = new Float32Array(positions * width);
  for (const [position, source] of sources.entries()) {
    // New arrays are zeros already.
    if (source.from === "zeros") continue;
    data.set(stateAt(position, source, supply), position * width);
  }
  return { ...prompt, data };
}

function stateAt(
  position: number,
  source: Exclude<StateSource, { from: "zeros" }>,
  supply: StateSupply,
): Float32Array {
  if (source.from !== "noise") {
    return rowOf(encodedOf(source, supply).data, source.position, supply.prompt);
  }
  if (supply.noise === null) throw new RangeError("There is no noise to take a state from");
  return rowOf(supply.noise, position, supply.prompt);
}

function encodedOf({ from }: EncodedState, { prompt, eos_swap }: StateSupply): TextStates {
  if (from === "prompt") return prompt;
  if (eos_swap === null) throw new RangeError("There is no second prompt to take [EOS] from");
  if (prompt.mask || eos_swap.mask) {
    throw new RangeError(
      "Text states with an attention mask have no [EOS] padding to put in place",
    );
  }
  const { positions, width } = eos_swap;
  if (positions === prompt.positions && width === prompt.width) return eos_swap;
  throw new RangeError(
    `Text states must match: ${prompt.positions}x${prompt.width} and ${positions}x${width}`,
  );
}

function rowOf(data: Float32Array, position: number, { positions, width }: TextStates) {
  if (position < 0 || position >= positions) {
    throw new RangeError(`Source position must be from 0 to ${positions - 1}, given ${position}`);
  }
  return data.subarray(position * width, (position + 1) * width);
}
