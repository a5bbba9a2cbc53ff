/** U-Net or transformer: rows of (x, timestep, text states) to rows of model outputs. */
import { BatchProof } from "./batch_proof.ts";
import { createLatents, type Latents, sizeOf } from "../diffusion/mod.ts";
import type { EncodedText, TextStates } from "../text/mod.ts";
import type { ExpectedGraph, ExpectedTensor, Feed, Fetched } from "./graph.ts";
import { type LoadingOptions, loadSession, type OnnxSession } from "./session.ts";
import { groupRows } from "./row_groups.ts";
import type { Timed } from "./inference/turns.ts";

export interface DenoiserRow {
  readonly x: Latents;
  readonly timestep: number;
  readonly states: EncodedText;
  /** Whether its attention is wanted; only a tapped denoiser has any. */
  readonly tapped?: boolean;
}

export interface DenoiserOutputs extends Timed<readonly Latents[]> {
  /** Per row its cross-attention weights, a [heads, places, tokens] for each layer; null where untapped. */
  readonly attention?: readonly (readonly Latents[] | null)[];
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
  /** The input of one vector for the whole text; null where the kind has none. */
  readonly pooled: readonly [string, ...string[]] | null;
}

export interface DenoiserForm {
  readonly names: DenoiserNames;
  readonly channels: number;
  /** Those beyond `channels` are a learned variance, which no sampler here uses: they are dropped. */
  readonly outputChannels: number;
  /** Whether rows have a mask of their text states. */
  readonly textMasked: boolean;
  /** Pixels per latent along a side, where the model takes the image's size; else null. */
  readonly pixelsPerLatent: number | null;
  /** Values per text state; null where the encoder's file does not say. */
  readonly textWidth: number | null;
  /** Values in the graph that are cross-attention weights, one per layer; a tapped denoiser has some. */
  readonly taps?: readonly string[];
}

export interface DenoiserOptions extends LoadingOptions {
  /**
   * Whether a row's company may not change its last bits: rows then share a batch only where that
   * is proven. Otherwise they share it in any case, which rounds differently.
   */
  readonly exact: boolean;
  /** Rows in one batch at most; by default one where bits count, else any number. */
  readonly rowsMax?: number;
}

/** @throws RangeError naming the file and what is wrong with its inputs, outputs or taps */
export async function loadDenoiser(
  file: string,
  form: DenoiserForm,
  options: DenoiserOptions,
): Promise<Denoiser> {
  const session = await loadSession(file, expectedTensors(form), { ...options, stepping: true });
  const perRow = takesTimestepPerRow(session);
  const { taps = [], names: { output: [output] } } = form;
  const proof = new BatchProof();
  const { exact, rowsMax = exact ? 1 : Infinity } = options;

  /** One batch of rows. */
  async function evaluate(group: readonly DenoiserRow[], counted = true): Promise<Evaluated> {
    const feeds = feedsOf(group, { form, session, perRow });
    const tapped = group.some((row) => row.tapped);
    const wanted = tapped ? [output, ...taps] : [output];
    const { value: results, milliseconds } = await session.run(feeds, wanted, counted);
    const { data = new Float32Array() } = results[output] ?? {};
    const value = group.map(({ x }, i) => {
      const start = i * data.length / group.length;
      return createLatents(data.slice(start, start + sizeOf(x.shape)), x.shape);
    });
    const attention = group.map((row, i) =>
      row.tapped ? layersOfRow(results, taps, [i, group.length]) : null
    );
    return { value, milliseconds, attention };
  }

  async function evaluateAlone(group: readonly DenoiserRow[]): Promise<Evaluated> {
    const parts: Evaluated[] = [];
    for (const row of group) parts.push(await evaluate([row]));
    return joinEvaluated(parts);
  }

  async function evaluateGroup(group: readonly DenoiserRow[]): Promise<Evaluated> {
    if (group.length === 1 || !exact) return await evaluate(group);
    const kinds = group.map(({ tapped }) => tapped ? "tapped" : "plain").join();
    return await proof.run(`${shapeOf(group[0])}: ${kinds}`, {
      alone: () => evaluateAlone(group),
      together: () => evaluate(group),
      trial: () => evaluate(group, false),
    });
  }

  return {
    session,
    async run(rows) {
      const value: Latents[] = [];
      const attention = new Array<readonly Latents[] | null>(rows.length).fill(null);
      let milliseconds = 0;
      for (const group of groupRows(rows, { perRow, rowsMax })) {
        const evaluated = await evaluateGroup(group.map(({ row }) => row));
        milliseconds += evaluated.milliseconds;
        for (const [i, { index }] of group.entries()) {
          value[index] = evaluated.value[i]!;
          attention[index] = evaluated.attention[i] ?? null;
        }
      }
      return { value, milliseconds, ...(taps.length > 0 ? { attention } : {}) };
    },
  };
}

/** Outputs of rows in their order. */
interface Evaluated extends Timed<readonly Latents[]> {
  readonly attention: readonly (readonly Latents[] | null)[];
}

function joinEvaluated(parts: readonly Evaluated[]): Evaluated {
  return {
    value: parts.flatMap(({ value }) => value),
    milliseconds: parts.reduce((sum, part) => sum + part.milliseconds, 0),
    attention: parts.flatMap(({ attention }) => attention),
  };
}

function shapeOf(row: DenoiserRow | undefined): string {
  return [...row?.x.shape ?? [], row?.states.sequence.positions].join(" x ");
}

/** Some exporters keep the heads apart, [rows, heads, places, tokens], some put them into the rows. */
function layersOfRow(
  fetched: Readonly<Record<string, Fetched>>,
  taps: readonly string[],
  [row, rows]: readonly [row: number, rows: number],
): Latents[] {
  return taps.map((tap) => {
    const { data = new Float32Array(), shape = [] } = fetched[tap] ?? {};
    const [places = 0, tokens = 0] = shape.slice(-2);
    const size = data.length / rows;
    const heads = size / (places * tokens);
    // Views, not copies: nobody keeps the attention of a step that is over.
    return createLatents(data.subarray(row * size, (row + 1) * size), [heads, places, tokens]);
  });
}

const FLOATS = ["float32", "float16"] as const;
const INTEGERS = ["int64", "int32"] as const;
/** A rank that onnxruntime could not infer comes as none. */
const WEIGHTS = [[null, null, null, null], [null, null, null], []] as const;

function expectedTensors(form: DenoiserForm): ExpectedGraph {
  const { taps = [], names, channels, outputChannels, textMasked, pixelsPerLatent, textWidth } =
    form;
  const images = (side: number) => [null, side, null, null];
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
      tensorOf(names.input, images(channels)),
      // Exports differ: a scalar, one value for the whole batch, or one per row.
      { name: "timestep", types: [...INTEGERS, ...FLOATS], shapes: [[], [null]] },
      { name: "encoder_hidden_states", types: FLOATS, shapes: [[null, null, textWidth]] },
      ...(textMasked ? [mask] : []),
      ...(names.pooled ? [tensorOf(names.pooled, [null, null])] : []),
      ...(pixelsPerLatent === null ? [] : sizes),
    ],
    outputs: [tensorOf(names.output, images(outputChannels))],
    taps: taps.map((name) => ({ name, types: FLOATS, shapes: WEIGHTS })),
  };
}

function tensorOf(
  [name, ...aliases]: readonly [string, ...string[]],
  shape: readonly (number | null)[],
): ExpectedTensor {
  return { name, aliases, types: FLOATS, shapes: [shape] };
}

function takesTimestepPerRow(session: OnnxSession): boolean {
  const shape = session.inputShape("timestep");
  return shape.length === 1 && shape[0] === null;
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
  const { x: { shape }, states: { sequence: { positions, width } }, timestep } = first;
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
      concatenate(rows.map((row) => row.states.sequence.data)),
      ...[positions, width],
    ),
    ...(textMasked
      ? {
        encoder_attention_mask: feed(rows.flatMap((row) => maskOf(row.states.sequence)), positions),
      }
      : {}),
    ...(names.pooled ? { [names.pooled[0]]: feedPooled(rows) } : {}),
    ...(pixelsPerLatent === null ? {} : {
      resolution: each(height * pixelsPerLatent, columns * pixelsPerLatent),
      aspect_ratio: each(height / columns),
    }),
  };
}

function feedPooled(rows: readonly DenoiserRow[]): Feed {
  const vectors = rows.map(({ states: { pooled } }) => {
    if (!pooled) throw new RangeError("The denoiser takes a pooled text, and this one has none");
    return pooled;
  });
  const data = concatenate(vectors);
  return { data, shape: [rows.length, data.length / rows.length] };
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
