import assert from "node:assert/strict";
import sharp from "sharp";
import { encodeImage, encodePreview } from "./image_encoder.ts";

const image = {
  width: 3,
  height: 2,
  data: Uint8Array.from({ length: 18 }, (_, i) => (i * 41) % 256),
};

for (const format of ["png", "webp"] as const) {
  Deno.test(`encodeImage keeps every pixel in ${format}`, async () => {
    const { bytes, media_type } = await encodeImage(image, format);
    const { data, info } = await sharp(bytes).raw().toBuffer({ resolveWithObject: true });
    assert.equal(media_type, `image/${format}`);
    assert.deepEqual([info.width, info.height, info.channels], [3, 2, 3]);
    assert.deepEqual(Uint8Array.from(data), image.data);
  });
}

Deno.test("encodePreview has the size of the image to come", async () => {
  const { bytes } = await encodePreview(image, { width: 48, height: 32 });
  const { width, height, format } = await sharp(bytes).metadata();
  assert.deepEqual([width, height, format], [48, 32, "webp"]);
});

Deno.test("encodePreview has the format that is asked for, and says so", async () => {
  const size = { width: 48, height: 32 };
  for (const [asked, given] of [[undefined, "webp"], ["webp", "webp"], ["png", "png"]] as const) {
    const { bytes, media_type } = await encodePreview(image, size, asked);
    const { width, height, format } = await sharp(bytes).metadata();
    assert.deepEqual([width, height, format, media_type], [48, 32, given, `image/${given}`]);
  }
});
