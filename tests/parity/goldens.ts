/** What scripts/training/export recorded of diffusers for one family: JSON, arrays, images. */
import { join } from "node:path";
import sharp from "sharp";
import * as v from "valibot";

const numbers = v.array(v.number());
/** A place in `goldens.f32`, counted in values. */
const array = v.object({ offset: v.number(), shape: numbers });
const text = v.object({ text: v.string(), ids: numbers, mask: numbers, states: array });
const call = v.object({
  step: v.number(),
  timestep: v.number(),
  conditioning: v.picklist(["guided", "cond", "null"]),
  eos_swapped: v.boolean(),
});
const request = v.object({
  sampler: v.string(),
  prompt: v.string(),
  negative_prompt: v.string(),
  seed: v.number(),
  width: v.number(),
  height: v.number(),
  num_inference_steps: v.number(),
  guidance_scale: v.number(),
  cutoff: v.nullable(v.object({ guided_steps: v.number(), tail: v.picklist(["null", "cond"]) })),
  eos_swap: v.nullable(v.object({ prompt: v.string(), from: v.number(), to: v.number() })),
});
const goldenCase = v.object({
  name: v.string(),
  ...request.entries,
  /** The calls of the model. */
  evaluations: v.array(call),
  init_noise_sigma: v.number(),
  sigmas: v.nullable(array),
  noise: array,
  /** The latents after each call of the model. */
  latents: array,
  image: v.string(),
});
const variant = v.object({
  name: v.string(),
  about: v.string(),
  files: v.array(v.string()),
  removes: v.array(v.string()),
});
const index = v.object({
  texts: v.array(text),
  cases: v.array(goldenCase),
  variants: v.array(variant),
});

export type GoldenArray = v.InferOutput<typeof array>;
export type GoldenCase = v.InferOutput<typeof goldenCase>;
export type GoldenVariant = v.InferOutput<typeof variant>;

export interface Goldens extends v.InferOutput<typeof index> {
  readonly folder: string;
  valuesOf(array: GoldenArray): Float32Array;
}

export const FIXTURES = join(import.meta.dirname ?? ".", "fixtures");
export const FAMILIES = ["sd1", "sd2_base", "sd2_v", "pixart", "pixart_sizes"] as const;

export async function readGoldens(family: string): Promise<Goldens> {
  const folder = join(FIXTURES, family);
  const json = JSON.parse(await Deno.readTextFile(join(folder, "goldens.json")));
  const { buffer } = await Deno.readFile(join(folder, "goldens.f32"));
  const values = new Float32Array(buffer);
  return {
    ...v.parse(index, json),
    folder,
    valuesOf: ({ offset, shape }) =>
      values.subarray(offset, offset + shape.reduce((size, side) => size * side, 1)),
  };
}

/** The request that a client would send for this case. */
export function requestOf(golden: GoldenCase, model: string) {
  const { cutoff, eos_swap, ...fields } = v.parse(request, golden);
  return {
    ...fields,
    model,
    previews: { every: 0 },
    ...(cutoff ? { cutoff } : {}),
    ...(eos_swap ? { eos_swap } : {}),
  };
}

/** The red, green and blue of each pixel, and the size. */
export async function readPixels(image: string | Uint8Array) {
  const { data, info } = await sharp(image).removeAlpha().raw().toBuffer({
    resolveWithObject: true,
  });
  return { data: new Uint8Array(data), width: info.width, height: info.height };
}
