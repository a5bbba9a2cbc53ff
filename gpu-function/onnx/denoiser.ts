/** U-Net or transformer: rows of (x, timestep, text states) to rows of model outputs. */
import { createLatents, type Latents, sizeOf } from "../diffusion/mod.ts";
import type { TextStates } from "../text/mod.ts";
import {
  type ExpectedTensor,
  type Feed,
  loadSession,
  type OnnxSession,
  type SessionOptions,
  type Timed,
} from "./session.ts";

export interface DenoiserRow {
  readonly x: Latents;
  readonly timestep: number;
  readonly states: TextStates;
}

export interface DenoiserOutputs extends Timed<readonly Latents[]> {
  /** Per row, whether the graph ran for it now; without one, for all. */
  readonly fresh?: readonly boolean[];
}

export interface Denoiser {
  readonly session: OnnxSession;
  /** Outputs in the order of the rows, which share the shape of x and of the states. */
  run(rows: readonly DenoiserRow[]): Promise<DenoiserOutputs>;
}

/** How a kind of denoiser calls its latents, the first name being optimum's. */
export interface DenoiserNames {
  readonly input: readonly [string, ...string[]];
  readonly output: readonly [string, ...string[]];
}

export interface DenoiserForm {
  readonly names: DenoiserNames;
  readonly channels: number;
  /** Those beyond `channels` are a learned variance, which no sampler here uses: they are dropped. */
  readonly outputChannels: number;
  /** Whether rows have a mask of their text states. */
  readonly textMasked: boolean;
  /** Of the image's sides, where the model is told them; null where it is not. */
  readonly pixelsPerLatent: number | null;
  /** Values per text state; null where the encoder's file does not say. */
  readonly textWidth: number | null;
}

export interface DenoiserOptions extends SessionOptions {
  /**
   * Run each row alone, so that a row's company cannot change its last bits. Batches are faster on a
   * GPU but round differently.
   */
  readonly exact: boolean;
}

/** @throws RangeError naming the file and what is wrong with its inputs or outputs */
export async function loadDenoiser(
  file: string,
  form: DenoiserForm,
  options: DenoiserOptions,
): Promise<Denoiser> {
  const { inputs, outputs } = expectedTensors(form);
  const session = await loadSession(file, { inputs, outputs }, { ...options, spinning: true });
  const perRow = takesTimestepPerRow(session);
  return {
    session,
    async run(rows) {
      const outputs: Latents[] = [];
      let milliseconds = 0;
      for (const group of groupRows(rows, { exact: options.exact, perRow })) {
        const feeds = feedsOf(group.map(({ row }) => row), { form, session, perRow });
        const results = await session.run(feeds);
        milliseconds += results.milliseconds;
        const { data = new Float32Array() } = results.value[form.names.output[0]] ?? {};
        for (const [i, { row: { x }, index }] of group.entries()) {
          const start = i * data.length / group.length;
          outputs[index] = createLatents(data.slice(start, start + sizeOf(x.shape)), x.shape);
        }
      }
      return { value: outputs, milliseconds };
    },
  };
}

const FLOATS = ["float32", "float16"] as const;
const INTEGERS = ["int64", "int32"] as const;

function expectedTensors(form: DenoiserForm): {
  readonly inputs: readonly ExpectedTensor[];
  readonly outputs: readonly ExpectedTensor[];
} {
  const { names, channels, outputChannels, textMasked, pixelsPerLatent, textWidth } = form;
  const images = (side: number) => ({ types: FLOATS, shapes: [[null, side, null, null]] });
  const mask: ExpectedTensor = {
    name: "encoder_attention_mask",
    types: [...INTEGERS, ...FLOATS],
    shapes: [[null, null]],
  };
  const sizes: readonly ExpectedTensor[] = [
    { name: "resolution", types: FLOATS, shapes: [[null, 2]] },
    { name: "aspect_ratio", types: FLOATS, shapes: [[null, 1]] },
  ];
  return {
    inputs: [
      { name: names.input[0], aliases: names.input.slice(1), ...images(channels) },
      // Exports differ: a scalar, one value for the whole batch, or one per row.
      { name: "timestep", types: [...INTEGERS, ...FLOATS], shapes: [[], [null]] },
      { name: "encoder_hidden_states", types: FLOATS, shapes: [[null, null, textWidth]] },
      ...(textMasked ? [mask] : []),
      ...(pixelsPerLatent === null ? [] : sizes),
    ],
    outputs: [{ name: names.output[0], aliases: names.output.slice(1), ...images(outputChannels) }],
  };
}

function takesTimestepPerRow(session: OnnxSession): boolean {
  const shape = session.inputShape("timestep");
  return shape.length === 1 && shape[0] === null;
}

interface IndexedRow {
  readonly row: DenoiserRow;
  readonly index: number;
}

/** Rows that one run of the graph can take: each alone, all together, or those of equal timestep. */
export function groupRows(
  rows: readonly DenoiserRow[],
  { exact, perRow }: { readonly exact: boolean; readonly perRow: boolean },
): IndexedRow[][] {
  const indexed = rows.map((row, index) => ({ row, index }));
  if (exact) return indexed.map((row) => [row]);
  return [...Map.groupBy(indexed, ({ row }) => perRow ? 0 : row.timestep).values()];
}

/** @param rows of equal timestep where the graph takes one for all */
function feedsOf(
  rows: readonly DenoiserRow[],
  { form: { names, textMasked, pixelsPerLatent }, session, perRow }: {
    readonly form: DenoiserForm;
    readonly session: OnnxSession;
    readonly perRow: boolean;
  },
): Record<string, Feed> {
  const [first] = rows;
  if (!first) return {};
  const { x: { shape }, states: { positions, width }, timestep } = first;
  const timesteps = perRow ? rows.map((row) => row.timestep) : [timestep];
  const [, height = 0, columns = 0] = shape;
  const feed = (data: Feed["data"], ...sides: number[]) => ({
    data,
    shape: [rows.length, ...sides],
  });
  const each = (...values: number[]) => feed(rows.flatMap(() => values), values.length);
  return {
    [names.input[0]]: feed(concatenate(rows.map(({ x }) => x.data)), ...shape),
    timestep: {
      data: timesteps,
      shape: session.inputShape("timestep").map(() => timesteps.length),
    },
    encoder_hidden_states: feed(
      concatenate(rows.map((row) => row.states.data)),
      ...[positions, width],
    ),
    ...(textMasked
      ? { encoder_attention_mask: feed(rows.flatMap((row) => maskOf(row.states)), positions) }
      : {}),
    ...(pixelsPerLatent === null ? {} : {
      resolution: each(height * pixelsPerLatent, columns * pixelsPerLatent),
      aspect_ratio: each(height / columns),
    }),
  };
}

function maskOf({ mask, positions }: TextStates): readonly number[] {
  return mask ?? new Array<number>(positions).fill(1);
}

function concatenate(parts: readonly Float32Array[]): Float32Array {
  const [first] = parts;
  if (first && parts.length === 1) return first;
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
