/** The U-Net: rows of (x, timestep, text states) to rows of model outputs. */
import { createLatents, type Latents, sizeOf } from "../diffusion/mod.ts";
import type { TextStates } from "../text/mod.ts";
import { loadSession, type OnnxSession, type SessionOptions, type Timed } from "./session.ts";

export interface DenoiserRow {
  readonly x: Latents;
  readonly timestep: number;
  readonly states: TextStates;
}

export interface Denoiser {
  readonly session: OnnxSession;
  /** Outputs in the order of the rows, which share the shape of x and of the states. */
  run(rows: readonly DenoiserRow[]): Promise<Timed<readonly Latents[]>>;
}

export interface DenoiserOptions extends SessionOptions {
  readonly channels: number;
  /**
   * Run each row alone, so that a row's company cannot change its last bits. Batches are faster on a
   * GPU but round differently.
   */
  readonly exact: boolean;
}

export async function loadDenoiser(file: string, options: DenoiserOptions): Promise<Denoiser> {
  const { channels, exact } = options;
  const floats = ["float32", "float16"] as const;
  const latents = { types: floats, shapes: [[null, channels, null, null]] };
  const session = await loadSession(file, {
    inputs: [
      { name: "sample", ...latents },
      // Exports differ: a scalar, one value for the whole batch, or one per row.
      { name: "timestep", types: ["int64", "int32", ...floats], shapes: [[], [null]] },
      { name: "encoder_hidden_states", types: floats, shapes: [[null, null, null]] },
    ],
    outputs: [{ name: "out_sample", ...latents }],
  }, { ...options, spinning: true });
  const perRow = takesTimestepPerRow(session);
  return {
    session,
    async run(rows) {
      const outputs: Latents[] = [];
      let milliseconds = 0;
      for (const group of groupRows(rows, { exact, perRow })) {
        const results = await runGroup(session, group.map(({ row }) => row), perRow);
        for (const [i, { index }] of group.entries()) outputs[index] = results.value[i]!;
        milliseconds += results.milliseconds;
      }
      return { value: outputs, milliseconds };
    },
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

async function runGroup(
  session: OnnxSession,
  rows: readonly DenoiserRow[],
  perRow: boolean,
): Promise<Timed<readonly Latents[]>> {
  const [first] = rows;
  if (!first) return { value: [], milliseconds: 0 };
  const { x: { shape }, states } = first;
  const timesteps = perRow ? rows.map(({ timestep }) => timestep) : [first.timestep];
  const { value, milliseconds } = await session.run({
    sample: { data: concatenate(rows.map(({ x }) => x.data)), shape: [rows.length, ...shape] },
    timestep: {
      data: timesteps,
      shape: session.inputShape("timestep").map(() => timesteps.length),
    },
    encoder_hidden_states: {
      data: concatenate(rows.map((row) => row.states.data)),
      shape: [rows.length, states.positions, states.width],
    },
  });
  const size = sizeOf(shape);
  const { data = new Float32Array() } = value["out_sample"] ?? {};
  const outputs = rows.map((_, i) => createLatents(data.slice(i * size, (i + 1) * size), shape));
  return { value: outputs, milliseconds };
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
