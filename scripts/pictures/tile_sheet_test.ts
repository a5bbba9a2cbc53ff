/** If a tile is cut one off, it is judged by another tile's labels. */
import assert from "node:assert/strict";
import { cutTiles } from "./tile_sheet.ts";

// 3 columns and 2 rows of 2x2 tiles: red is the tile's number, green and blue the place.
const sheet = {
  width: 6,
  height: 4,
  data: Uint8Array.from(
    Array.from({ length: 24 }, (_, i) => [i % 6, Math.floor(i / 6)] as const)
      .flatMap(([x, y]) => [3 * Math.floor(y / 2) + Math.floor(x / 2), x % 2, y % 2]),
  ),
};

Deno.test("cutTiles() cuts row by row", () => {
  const tiles = cutTiles(sheet, { tile: 2, columns: 3 }, 5);
  assert.equal(tiles.length, 5);
  for (const [i, { width, height, data }] of tiles.entries()) {
    assert.deepEqual([width, height], [2, 2]);
    assert.deepEqual([...data], [i, 0, 0, i, 1, 0, i, 0, 1, i, 1, 1]);
  }
});

Deno.test("cutTiles() refuses a sheet of another width, or with too few rows", () => {
  assert.throws(() => cutTiles(sheet, { tile: 2, columns: 2 }, 1), /must be 4x2 .* given 6x4/);
  assert.throws(() => cutTiles(sheet, { tile: 2, columns: 3 }, 7), /must be 6x6 .* given 6x4/);
});
