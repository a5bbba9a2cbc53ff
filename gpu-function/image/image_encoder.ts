/** RGB to files, by libvips. The only importer of sharp. */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import sharp, { type Sharp } from "sharp";
import type { RgbImage } from "./rgb.ts";

export type ImageFormat = "png" | "webp";

export interface EncodedImage {
  readonly media_type: "image/png" | "image/webp";
  readonly width: number;
  readonly height: number;
  readonly bytes: Uint8Array;
}

/** Without loss in both formats. */
export async function encodeImage(image: RgbImage, format: ImageFormat): Promise<EncodedImage> {
  const pixels = fromRgb(image);
  const bytes = format === "png"
    ? await pixels.png({ compressionLevel: 9 }).toBuffer()
    : await pixels.webp({ lossless: true }).toBuffer();
  return { media_type: `image/${format}`, width: image.width, height: image.height, bytes };
}

/** A small WebP or a PNG, smoothly scaled to the size of the image it announces. */
export async function encodePreview(
  image: RgbImage,
  { width, height }: { readonly width: number; readonly height: number },
  format: ImageFormat = "webp",
): Promise<EncodedImage> {
  const pixels = fromRgb(image).resize(width, height, { kernel: "cubic", fit: "fill" });
  const file = format === "png" ? pixels.png() : pixels.webp({ quality: 85 });
  return { media_type: `image/${format}`, width, height, bytes: await file.toBuffer() };
}

function fromRgb({ data, width, height }: RgbImage): Sharp {
  return sharp(data, { raw: { width, height, channels: 3 } });
}

export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

/** SHA-256, hex. */
export function sha256Hex(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
