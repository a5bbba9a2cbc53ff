/**
 * Images to pixels for CLIP and its kin, as `preprocessor_config.json` says: resize, crop, normalise.
 * sharp's cubic kernel is PIL's but for rounding: at 224x224 they differ by two grey levels at most.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import * as v from "valibot";
import type { RgbImage } from "./rgb.ts";
import type { Feed } from "../onnx/graph.ts";

const side = v.pipe(v.number(), v.integer(), v.minValue(1));
const square = v.pipe(side, v.transform((each) => ({ height: each, width: each })));
const sides = v.object({ height: side, width: side });
const three = v.pipe(v.array(v.number()), v.length(3));
const configJson = v.looseObject({
  do_resize: v.optional(v.boolean(), true),
  size: v.union([
    v.pipe(side, v.transform((shortest_edge) => ({ shortest_edge }))),
    v.object({ shortest_edge: side }),
    sides,
  ]),
  // PIL's numbers, of which these two are in use.
  resample: v.optional(v.picklist([2, 3]), 3),
  do_center_crop: v.optional(v.boolean(), false),
  crop_size: v.optional(v.union([square, sides])),
  do_normalize: v.optional(v.boolean(), true),
  image_mean: v.optional(three, [0, 0, 0]),
  image_std: v.optional(three, [1, 1, 1]),
});

type ImageProcessorConfig = v.InferOutput<typeof configJson>;

export interface ImageProcessor {
  /** Float32 [images, 3, height, width]. */
  feed(images: readonly RgbImage[]): Promise<Feed>;
}

/** @throws RangeError naming the file and the field that is missing or of no use here */
export async function loadImageProcessor(folder: string): Promise<ImageProcessor> {
  const file = join(folder, "preprocessor_config.json");
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(await readFile(file)));
  } catch (cause) {
    throw new RangeError(`${file} must be there as JSON`, { cause });
  }
  const result = v.safeParse(configJson, json);
  if (result.success) return createImageProcessor(result.output);
  const [first] = result.issues;
  throw new RangeError(`${file}: ${v.getDotPath(first) ?? "the file"}: ${first.message}`);
}

function createImageProcessor(config: ImageProcessorConfig): ImageProcessor {
  return {
    async feed(images) {
      const planes = await Promise.all(images.map((image) => toPlanes(image, config)));
      const { width = 0, height = 0 } = planes[0] ?? {};
      const data = new Float32Array(planes.length * 3 * width * height);
      for (const [i, { values }] of planes.entries()) data.set(values, i * values.length);
      return { data, shape: [planes.length, 3, height, width] };
    },
  };
}

async function toPlanes({ data, width, height }: RgbImage, config: ImageProcessorConfig) {
  const size = config.do_resize ? resized({ width, height }, config.size) : { width, height };
  const crop = config.do_center_crop ? config.crop_size ?? size : size;
  const kernel = config.resample === 2 ? "linear" : "cubic";
  const { data: bytes, info } = await sharp(data, { raw: { width, height, channels: 3 } })
    .resize(size.width, size.height, { kernel, fit: "fill" })
    .extract({
      left: Math.floor((size.width - crop.width) / 2),
      top: Math.floor((size.height - crop.height) / 2),
      width: crop.width,
      height: crop.height,
    })
    .raw().toBuffer({ resolveWithObject: true });
  const area = info.width * info.height;
  const { image_mean: mean, image_std: std, do_normalize } = config;
  const values = new Float32Array(3 * area);
  for (let i = 0; i < area; i++) {
    for (let c = 0; c < 3; c++) {
      const value = bytes[3 * i + c]! / 255;
      values[c * area + i] = do_normalize ? (value - mean[c]!) / std[c]! : value;
    }
  }
  return { values, width: info.width, height: info.height };
}

interface Sides {
  readonly width: number;
  readonly height: number;
}

/** The shorter side gets the length asked for and the longer one follows, cut to an integer. */
function resized(
  { width, height }: Sides,
  size: { readonly shortest_edge: number } | Sides,
): Sides {
  if (!("shortest_edge" in size)) return size;
  const edge = size.shortest_edge;
  return width < height
    ? { width: edge, height: Math.floor(edge * height / width) }
    : { width: Math.floor(edge * width / height), height: edge };
}
