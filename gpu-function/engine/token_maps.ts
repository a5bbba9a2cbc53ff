/** Attention maps on their way to the wire: a byte per cell, on a grid that stays small. */
import type { TokenMaps } from "../../contract/mod.ts";
import { toBase64 } from "../image/image_encoder.ts";
import { coarsen, type MapGrid, rangeOf } from "../insights/mod.ts";

const SIDE_MAX = 32;
/** Bound of all maps together: with nine sets of them a stored log fits into a row of D1. */
const CELLS_MAX = 80_000;

/**
 * @param maps of the tokens at `positions`, on one grid. It is halved while a side exceeds 32 or all
 *   cells together 80,000.
 */
export function encodeTokenMaps(
  maps: readonly MapGrid[],
  positions: readonly number[],
): TokenMaps {
  const { width = 0, height = 0 } = maps[0] ?? {};
  const scale = scaleOf(width, height, maps.length);
  const size = { width: width / scale, height: height / scale };
  return {
    ...size,
    tokens: maps.map((map, i) => {
      const { data } = coarsen(map, size);
      const [, max] = rangeOf(data);
      const bytes = Uint8Array.from(data, (value) => max > 0 ? Math.round(255 * value / max) : 0);
      return { position: positions[i] ?? 0, max, data: toBase64(bytes) };
    }),
  };
}

function scaleOf(width: number, height: number, count: number): number {
  let scale = 1;
  const isHalvable = () => width % (2 * scale) === 0 && height % (2 * scale) === 0;
  const isLarge = () =>
    Math.max(width, height) / scale > SIDE_MAX ||
    count * width * height / scale ** 2 > CELLS_MAX;
  while (isLarge() && isHalvable()) scale *= 2;
  return scale;
}

/** Weights again, to within half a byte. */
export function decodeTokenMaps({ width, height, tokens }: TokenMaps): MapGrid[] {
  return tokens.map(({ max, data }) => ({
    width,
    height,
    data: Float32Array.from(Uint8Array.fromBase64(data), (byte) => byte / 255 * max),
  }));
}
