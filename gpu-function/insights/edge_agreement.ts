/** How well the edges of two pictures agree. */
import type { EdgeMap } from "./canny.ts";

/**
 * F1: the harmonic mean of the part of `found` that lies near an edge of `wanted` and of the part of
 * `wanted` that lies near one of `found`; 0 where either has no edges.
 *
 * @param tolerance pixels along either side that still count as near; 0 is the same pixel
 */
export function edgeF1(
  found: EdgeMap,
  wanted: EdgeMap,
  tolerance: number,
): number {
  const precision = partNear(found, grow(wanted, tolerance));
  const recall = partNear(wanted, grow(found, tolerance));
  return precision + recall > 0 ? 2 * precision * recall / (precision + recall) : 0;
}

function partNear(edges: EdgeMap, near: Uint8Array): number {
  let all = 0;
  let hits = 0;
  for (let i = 0; i < near.length; i++) {
    all += edges.data[i]!;
    hits += edges.data[i]! & near[i]!;
  }
  return all > 0 ? hits / all : 0;
}

/** Everything at most `reach` away along both sides. */
function grow({ width, height, data }: EdgeMap, reach: number): Uint8Array {
  const near = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i++) {
    if (data[i] === 0) continue;
    const [x, y] = [i % width, Math.floor(i / width)];
    for (
      let row = Math.max(y - reach, 0);
      row <= Math.min(y + reach, height - 1);
      row++
    ) {
      const from = row * width + Math.max(x - reach, 0);
      near.fill(1, from, row * width + Math.min(x + reach, width - 1) + 1);
    }
  }
  return near;
}
