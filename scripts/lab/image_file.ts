/** Images to and from files, by libvips. */
import { rename, rm, writeFile } from "node:fs/promises";
import sharp from "sharp";
import type { RgbImage } from "../../gpu-function/image/rgb.ts";

/** @throws RangeError naming the file when it is no image */
export async function readImage(file: string): Promise<RgbImage> {
  try {
    const { data, info } = await sharp(file).removeAlpha().toColourspace("srgb").raw()
      .toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, data: new Uint8Array(data) };
  } catch (cause) {
    throw new RangeError(`${file} cannot be read as an image`, { cause });
  }
}

/** All of the file or nothing of it, so that an interrupted command leaves no half image behind. */
export async function writeWhole(file: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${file}.${Deno.pid}.tmp`;
  try {
    await writeFile(temporary, content);
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
