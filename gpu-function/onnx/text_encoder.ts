/** Token ids to text states. */
import type { EncodedText } from "../text/mod.ts";
import { type LoadingOptions, loadSession, type OnnxSession } from "./session.ts";
import type { Timed } from "./inference/turns.ts";

export interface TextEncoder {
  readonly session: OnnxSession;
  /** Values per state where the file says so. */
  readonly width: number | null;
  /** States of one prompt, encoded alone so that its company cannot change them. */
  encode(ids: readonly number[]): Promise<Timed<EncodedText>>;
}

export interface TextEncoderForm {
  readonly max_length: number;
  readonly eos_token_id: number;
  /** Whether the encoder looks away from what follows [EOS]. */
  readonly paddingMasked: boolean;
  /** The output of one vector for the whole text; null where it is not wanted. */
  readonly pooled: string | null;
}

const INTEGERS = ["int64", "int32"] as const;
const FLOATS = ["float32", "float16"] as const;

/** @throws RangeError naming the file and what is wrong with its inputs or outputs */
export async function loadTextEncoder(
  file: string,
  { max_length, eos_token_id, paddingMasked, pooled }: TextEncoderForm,
  options: LoadingOptions,
): Promise<TextEncoder> {
  const ids = { types: INTEGERS, shapes: [[null, max_length]] };
  const session = await loadSession(file, {
    inputs: [
      { name: "input_ids", ...ids },
      // CLIP's exports seldom have it, and then diffusers lets it see everything.
      { name: "attention_mask", ...ids, optional: !paddingMasked },
    ],
    outputs: [
      { name: "last_hidden_state", types: FLOATS, shapes: [[null, max_length, null]] },
      ...(pooled === null ? [] : [{ name: pooled, types: FLOATS, shapes: [[null, null]] }]),
    ],
  }, options);
  return {
    session,
    width: session.outputShape("last_hidden_state")[2] ?? null,
    async encode(ids) {
      const shape = [1, ids.length];
      const mask = paddingMasked ? maskAfter(eos_token_id, ids) : ids.map(() => 1);
      const { value, milliseconds } = await session.run({
        input_ids: { data: ids, shape },
        attention_mask: { data: mask, shape },
      });
      const { last_hidden_state } = value;
      const [, positions = 0, width = 0] = last_hidden_state?.shape ?? [];
      if (!last_hidden_state || positions !== ids.length) {
        throw new RangeError(`${file}: ${ids.length} tokens gave ${positions} text states`);
      }
      const states = { data: last_hidden_state.data, positions, width };
      const sequence = paddingMasked ? { ...states, mask } : states;
      const vector = pooled === null ? null : value[pooled]?.data ?? null;
      return { value: { sequence, pooled: vector }, milliseconds };
    },
  };
}

/** Ones up to the first [EOS], of which a prompt has one: typed ones are refused when it is planned. */
function maskAfter(eos_token_id: number, ids: readonly number[]): number[] {
  const end = ids.indexOf(eos_token_id);
  return ids.map((_, position) => end < 0 || position <= end ? 1 : 0);
}
