/** One graph of the denoiser, whole or shallow, and rows through it in one batch. */
import { BatchProof } from "./batch_proof.ts";
import type { DenoiserForm } from "./denoiser_form.ts";
import { feedsOf } from "./denoiser_feeds.ts";
import type { DenoiserOutputs, DenoiserRow } from "./denoiser_row.ts";
import { depthOf } from "./row_groups.ts";
import { createLatents, type Latents, sizeOf } from "../../diffusion/mod.ts";
import type { Fetched } from "../graph.ts";
import type { OnnxSession } from "../session.ts";

/** What a batch gives for each of its rows. */
export type BatchOutputs = Required<Omit<DenoiserOutputs, "fresh">>;

export interface DenoiserGraph {
  readonly session: OnnxSession;
  /**
   * @param rows of one shape and depth, and of equal timestep where the graph takes one for all
   * @param counted whether somebody asked for them
   */
  run(rows: readonly DenoiserRow[], counted?: boolean): Promise<BatchOutputs>;
}

export interface DenoiserGraphOptions {
  readonly form: DenoiserForm;
  /** Whether rows share a batch only where their bits do not depend on it. */
  readonly exact: boolean;
}

export function createDenoiserGraph(
  session: OnnxSession,
  { form, exact }: DenoiserGraphOptions,
): DenoiserGraph {
  const proof = new BatchProof();

  async function evaluate(rows: readonly DenoiserRow[], counted: boolean): Promise<BatchOutputs> {
    const feeds = feedsOf(rows, form, session);
    const { value, milliseconds } = await session.run(feeds, wantedBy(rows, form), counted);
    return { ...outputsIn(value, rows, form), milliseconds };
  }

  async function evaluateAlone(rows: readonly DenoiserRow[]): Promise<BatchOutputs> {
    const parts: BatchOutputs[] = [];
    for (const row of rows) parts.push(await evaluate([row], true));
    return joinOutputs(parts);
  }

  return {
    session,
    async run(rows, counted = true) {
      if (rows.length === 1 || !exact) return await evaluate(rows, counted);
      return await proof.run(`${shapeOf(rows[0])}: ${rows.map(kindOf).join()}`, {
        alone: () => evaluateAlone(rows),
        together: () => evaluate(rows, true),
        trial: () => evaluate(rows, false),
      });
    },
  };
}

export function joinOutputs(parts: readonly BatchOutputs[]): BatchOutputs {
  return {
    value: parts.flatMap(({ value }) => value),
    milliseconds: parts.reduce((sum, part) => sum + part.milliseconds, 0),
    attention: parts.flatMap(({ attention }) => attention),
    features: parts.flatMap(({ features }) => features),
  };
}

function wantedBy(
  rows: readonly DenoiserRow[],
  { names: { output: [output] }, taps = [], cuts = [] }: DenoiserForm,
): string[] {
  const depths = new Set(rows.map(newDepthOf));
  return [
    output,
    ...(rows.some(({ tapped }) => tapped) ? taps : []),
    ...cuts.filter((_, i) => depths.has(i + 1)),
  ];
}

/** The depth at which a row computes features anew; 0 for none. */
function newDepthOf({ reuse }: DenoiserRow): number {
  return reuse && !reuse.features ? reuse.depth : 0;
}

function shapeOf(row: DenoiserRow | undefined): string {
  return [...row?.x.shape ?? [], row?.states.sequence.positions].join(" x ");
}

/** What a row asks for besides its output. */
function kindOf(row: DenoiserRow): string {
  return `${row.tapped ? "tapped" : "plain"} ${depthOf(row)} ${newDepthOf(row)}`;
}

function outputsIn(
  fetched: Readonly<Record<string, Fetched>>,
  rows: readonly DenoiserRow[],
  { names: { output: [output] }, taps = [], cuts = [] }: DenoiserForm,
): Omit<BatchOutputs, "milliseconds"> {
  const { data = new Float32Array() } = fetched[output] ?? {};
  return {
    value: rows.map(({ x }, i) => {
      // A learned variance comes after the noise, and is dropped.
      const start = i * data.length / rows.length;
      return createLatents(data.slice(start, start + sizeOf(x.shape)), x.shape);
    }),
    attention: rows.map(({ tapped }, i) =>
      tapped ? layersOfRow(fetched, taps, [i, rows.length]) : null
    ),
    features: rows.map((row, i) => {
      const cut = fetched[cuts[newDepthOf(row) - 1] ?? ""];
      return cut ? featuresOfRow(cut, i) : null;
    }),
  };
}

/** A copy: a view would keep what the whole batch has given. */
function featuresOfRow({ data, shape: [, ...sides] }: Fetched, row: number): Latents {
  const size = sizeOf(sides);
  return createLatents(data.slice(row * size, (row + 1) * size), sides);
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
