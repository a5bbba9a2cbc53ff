/** Reads equal square tiles from one image, row by row. Pure arithmetic. */
import type { RgbImage } from "../../gpu-function/image/rgb.ts";

export interface TileLayout {
  /** Side of a tile in pixels. */
  readonly tile: number;
  readonly columns: number;
}

/**
 * Returns the first `count` tiles.
 * @throws RangeError when the sheet has another width or fewer tiles
 */
export function cutTiles(sheet: RgbImage, layout: TileLayout, count: number): RgbImage[] {
  const { tile, columns } = layout;
  const rows = Math.ceil(count / columns);
  if (sheet.width !== tile * columns || sheet.height < tile * rows) {
    throw new RangeError(
      `A sheet of ${count} tiles must be ${tile * columns}x${tile * rows} pixels, ` +
        `given ${sheet.width}x${sheet.height}`,
    );
  }
  return Array.from({ length: count }, (_, number) => cutTile(sheet, layout, number));
}

function cutTile(sheet: RgbImage, { tile, columns }: TileLayout, number: number): RgbImage {
  const data = new Uint8Array(3 * tile * tile);
  const left = (number % columns) * tile;
  const top = Math.floor(number / columns) * tile;
  for (let y = 0; y < tile; y++) {
    const start = 3 * ((top + y) * sheet.width + left);
    data.set(sheet.data.subarray(start, start + 3 * tile), 3 * tile * y);
  }
  return { width: tile, height: tile, data };
}
