/** A grid in another order, or with labels that run into each other, would show the wrong evidence. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { contactSheet, wrapLabel } from "./contact_sheet.ts";
import { readImage } from "./image_file.ts";
import { writeWhole } from "../command_line/whole_file.ts";

const plain = (red: number) => ({
  width: 2,
  height: 2,
  data: Uint8Array.from({ length: 12 }, (_, i) => i % 3 === 0 ? red : 0),
});

Deno.test("contactSheet() puts the images row by row and labels below them", async () => {
  const folder = await Deno.makeTempDir();
  const file = join(folder, "sheet.png");
  const cells = [50, 100, 150].map((red) => ({ image: plain(red), label: "a blue bird" }));
  await writeWhole(file, await contactSheet(cells, { columns: 2, tile: 40 }));
  const { width, height, data } = await readImage(file);
  // Two tiles, three gaps; two rows of a tile, two lines of text and a gap, and a gap on top.
  assert.deepEqual([width, height], [92, 4 + 2 * (40 + 24 + 4)]);
  const redAt = (x: number, y: number) => data[3 * (y * width + x)];
  assert.deepEqual([redAt(20, 20), redAt(70, 20), redAt(20, 90)], [50, 100, 150]);
  assert.equal(redAt(70, 90), 255);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("wrapLabel() keeps words whole", () => {
  assert.deepEqual(wrapLabel("a red car above a hat", 9), ["a red car", "above a", "hat"]);
  assert.deepEqual(wrapLabel("a red car", 8), ["a red", "car"]);
  assert.deepEqual(wrapLabel("watermelons a", 5), ["watermelons", "a"]);
});
