/** A grid in another order, or with overlapping labels, would show the wrong evidence. */
import assert from "node:assert/strict";
import sharp from "sharp";
import { contactSheet, wrapLabel } from "./contact_sheet.ts";
import { decodeImage } from "./image_file.ts";

const plain = (red: number) => ({
  width: 2,
  height: 2,
  data: Uint8Array.from({ length: 12 }, (_, i) => i % 3 === 0 ? red : 0),
});

// Each format comes with how far its values may be from those drawn.
for (const [format, loss] of [["png", 0], ["webp", 3]] as const) {
  Deno.test(`contactSheet() puts the images row by row and labels below them, as ${format}`, async () => {
    const cells = [50, 100, 150].map((red) => ({ image: plain(red), label: "a blue bird" }));
    const sheet = await contactSheet(cells, { columns: 2, tile: 40 }, format);
    assert.equal((await sharp(sheet).metadata()).format, format);
    const { width, height, data } = await decodeImage(sheet);
    // The width is two tiles and three gaps. Each row has a tile, two lines and a gap.
    assert.deepEqual([width, height], [92, 4 + 2 * (40 + 24 + 4)]);
    for (
      const [x, y, red] of [[20, 20, 50], [70, 20, 100], [20, 90, 150], [70, 90, 255]] as const
    ) {
      const seen = data[3 * (y * width + x)]!;
      assert(Math.abs(seen - red) <= loss, `${seen} at ${x}, ${y} instead of ${red}`);
    }
  });
}

Deno.test("wrapLabel() keeps words whole", () => {
  assert.deepEqual(wrapLabel("a red car above a hat", 9), ["a red car", "above a", "hat"]);
  assert.deepEqual(wrapLabel("a red car", 8), ["a red", "car"]);
  assert.deepEqual(wrapLabel("watermelons a", 5), ["watermelons", "a"]);
});
