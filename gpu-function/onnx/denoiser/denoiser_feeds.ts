/** What a graph of the denoiser is fed for a batch of rows. */
import type { DenoiserForm } from "./denoiser_form.ts";
import type { DenoiserRow } from "./denoiser_row.ts";
import { depthOf } from "./row_groups.ts";
import type { Feed } from "../graph.ts";
import type { OnnxSession } from "../session.ts";
import type { Latents } from "../../diffusion/mod.ts";
import type { TextStates } from "../../text/mod.ts";

export function takesTimestepPerRow(session: OnnxSession): boolean {
  const shape = session.inputShape("timestep");
  return shape.length === 1 && shape[0] === null;
}

/** @param rows of one depth, and of equal timestep where the graph takes one for all */
export function feedsOf(
  rows: readonly DenoiserRow[],
  { names, textMasked, pixelsPerLatent, cuts = [] }: DenoiserForm,
  session: OnnxSession,
): Record<string, Feed> {
  const [first] = rows;
  if (!first) return {};
  const { x: { shape }, states: { sequence: { positions, width } }, timestep } = first;
  const timesteps = takesTimestepPerRow(session) ? rows.map((row) => row.timestep) : [timestep];
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
    ...feedFeatures(rows, cuts[depthOf(first) - 1]),
  };
}

function feedFeatures(
  rows: readonly DenoiserRow[],
  cut: string | undefined,
): Record<string, Feed> {
  if (cut === undefined) return {};
  const features = rows.map(({ reuse }) => presentFeatures(reuse?.features));
  const [first] = features;
  const data = concatenate(features.map(({ data }) => data));
  return { [cut]: { data, shape: [rows.length, ...first?.shape ?? []] } };
}

function presentFeatures(features: Latents | null | undefined): Latents {
  if (!features) throw new Error("A shallow row has no deep features");
  return features;
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
