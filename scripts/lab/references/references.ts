/** Reads real renders to compare with, which `scripts/training/train/references.py` writes. */
import { join } from "node:path";
import * as v from "valibot";
import type { RgbImage } from "../../../gpu-function/image/rgb.ts";
import { readImage } from "../../pictures/image_file.ts";
import { readJsonFile } from "../json_file.ts";
import { cutTiles } from "../../pictures/tile_sheet.ts";

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const side = v.pipe(v.number(), v.integer(), v.minValue(1));
const objectShown = v.object({
  noun: v.string(),
  colour: v.nullable(v.string()),
  /** Centre in pixels, together with `y`. */
  x: v.number(),
  y: v.number(),
});
const index = v.object({
  tile: side,
  columns: side,
  held_out: v.array(
    v.object({
      caption: v.string(),
      objects: v.pipe(v.array(objectShown), v.minLength(1), v.maxLength(2)),
    }),
  ),
  variety: v.array(v.object({ prompt: v.string(), count })),
  training: v.object({
    tile: side,
    columns: side,
    prompts: v.array(v.object({ prompt: v.string(), count, held_out: count })),
  }),
});

export type ObjectShown = Readonly<v.InferOutput<typeof objectShown>>;

/** A render unused in training, and what it shows. */
export interface HeldOutRender {
  readonly image: RgbImage;
  readonly caption: string;
  readonly objects: readonly ObjectShown[];
}

export interface References {
  readonly heldOut: readonly HeldOutRender[];
  readonly variety: readonly { readonly prompt: string; readonly images: readonly RgbImage[] }[];
  readonly training: {
    /** Side of the small images. */
    readonly tile: number;
    readonly prompts: readonly TrainingRenders[];
  };
}

/** Small renders that fit a prompt: those that the denoiser was trained on, and others. */
export interface TrainingRenders {
  readonly prompt: string;
  readonly shown: readonly RgbImage[];
  readonly heldOut: readonly RgbImage[];
}

/** @throws RangeError naming the file that is missing or does not fit the others */
export async function loadReferences(folder: string): Promise<References> {
  const { held_out, variety, training, ...layout } = await readJsonFile(
    join(folder, "references.json"),
    index,
    "must be there as JSON; scripts/training/train/references.py writes it",
  );
  const tiles = async (name: string, shape: typeof layout, counts: readonly number[]) => {
    const sheet = await readImage(join(folder, name));
    return consecutive(cutTiles(sheet, shape, counts.reduce((a, b) => a + b, 0)), counts);
  };
  const heldOut = await tiles("held_out.webp", layout, held_out.map(() => 1));
  const varied = await tiles("variety.webp", layout, variety.map(({ count }) => count));
  const small = await tiles(
    "training.webp",
    training,
    training.prompts.flatMap((row) => [row.count, row.held_out]),
  );
  return {
    heldOut: held_out.map((row, i) => ({ ...row, image: heldOut[i]![0]! })),
    variety: variety.map(({ prompt }, i) => ({ prompt, images: varied[i]! })),
    training: {
      tile: training.tile,
      prompts: training.prompts.map(({ prompt }, i) => ({
        prompt,
        shown: small[2 * i]!,
        heldOut: small[2 * i + 1]!,
      })),
    },
  };
}

function consecutive<T>(items: readonly T[], counts: readonly number[]): T[][] {
  let start = 0;
  return counts.map((length) => items.slice(start, start += length));
}
