/** Reads images from files with libvips. */
import sharp from "sharp";
import type { RgbImage } from "../../gpu-function/image/rgb.ts";

/** @throws RangeError naming the file when it is not an image */
export async function readImage(file: string): Promise<RgbImage> {
  try {
    return await decodeImage(file);
  } catch (cause) {
    throw new RangeError(`${file} cannot be read as an image`, { cause });
  }
}

/** @param source a path, or the bytes of a file */
export async function decodeImage(source: string | Uint8Array): Promise<RgbImage> {
  const { data, info } = await sharp(source).removeAlpha().toColourspace("srgb").raw()
    .toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, data: new Uint8Array(data) };
}
