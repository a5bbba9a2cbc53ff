/** Token ids to text states. */
import type { TextStates } from "../text/mod.ts";
import { loadSession, type OnnxSession, type SessionOptions, type Timed } from "./session.ts";

export interface TextEncoder {
  readonly session: OnnxSession;
  /** States of one prompt, encoded alone so that its company cannot change them. */
  encode(ids: readonly number[]): Promise<Timed<TextStates>>;
}

export async function loadTextEncoder(
  file: string,
  { max_length }: { readonly max_length: number },
  options: SessionOptions,
): Promise<TextEncoder> {
  const session = await loadSession(file, {
    inputs: [{ name: "input_ids", types: ["int64", "int32"], shapes: [[null, max_length]] }],
    outputs: [{
      name: "last_hidden_state",
      types: ["float32", "float16"],
      shapes: [[null, max_length, null]],
    }],
  }, options);
  return {
    session,
    async encode(ids) {
      const feed = { data: ids, shape: [1, ids.length] };
      const { value, milliseconds } = await session.run({ input_ids: feed });
      const { last_hidden_state } = value;
      const [, positions = 0, width = 0] = last_hidden_state?.shape ?? [];
      if (!last_hidden_state || positions !== ids.length) {
        throw new RangeError(`${file}: ${ids.length} tokens gave ${positions} text states`);
      }
      return { value: { data: last_hidden_state.data, positions, width }, milliseconds };
    },
  };
}
