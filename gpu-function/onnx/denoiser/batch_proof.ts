/**
 * Whether rows have the same bits in company as alone. onnxruntime chooses its kernels by the sizes of
 * their operands, so that depends on the machine, the graph, the shape and the number of rows: it is tried
 * where it is needed, on the rows that ask, and remembered. Pure but for what the evaluations do.
 */
import type { Latents } from "../../diffusion/mod.ts";

/** What a batch gives for each row: its output, its layers of attention where it is tapped, its features. */
interface RowOutputs {
  readonly value: readonly Latents[];
  readonly attention?: readonly (readonly Latents[] | null)[];
  readonly features?: readonly (Latents | null)[];
}

export class BatchProof {
  /** By shape and number of rows. */
  readonly #holds = new Map<string, boolean>();

  /**
   * Outputs with the bits that each row has alone.
   * @param key shape of the rows, how many they are, and what is wanted of each
   */
  async run<Outputs extends RowOutputs>(
    key: string,
    { alone, together, trial }: {
      readonly alone: () => Promise<Outputs>;
      readonly together: () => Promise<Outputs>;
      /** The same as `together`, for comparison only: what nobody asked for and nobody pays. */
      readonly trial: () => Promise<Outputs>;
    },
  ): Promise<Outputs> {
    const holds = this.#holds.get(key);
    if (holds) return await together();
    const outputs = await alone();
    if (holds === undefined) {
      this.#holds.set(key, haveSameBits(partsOf(outputs), partsOf(await trial())));
    }
    return outputs;
  }
}

function partsOf({ value, attention = [], features = [] }: RowOutputs): Latents[] {
  return [
    ...value,
    ...attention.flatMap((layers) => layers ?? []),
    ...features.flatMap((of) => of ?? []),
  ];
}

/** NaN, whose bits say nothing, is equal to itself; 0 is not -0. */
export function haveSameBits(a: readonly Latents[], b: readonly Latents[]): boolean {
  return a.length === b.length && a.every(({ data }, row) => {
    const other = b[row]?.data;
    return other?.length === data.length && data.every((value, i) => Object.is(value, other[i]));
  });
}
