/** How well the edges of two pictures agree. */
import type { EdgeMap } from "./canny.ts";

/**
 * F1 of what is found: the harmonic mean of the part of it that lies near an edge of `wanted` and of
 * the part of `wanted` that lies near one of its; 0 where either has no edges.
 *
 * @param tolerance pixels along either side that still count as near; 0 is the same pixel
 */
export function edgeF1Against(wanted: EdgeMap, tolerance: number): (found: EdgeMap) => number {
  const nearWanted = grow(wanted, tolerance);
  return (found) => {
    const precision = partNear(found, nearWanted);
    const recall = partNear(wanted, grow(found, tolerance));
    return precision + recall > 0 ? 2 * precision * recall / (precision + recall) : 0;
  };
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

/** Everything at most `reach` away along both sides: first across, then down. */
function grow({ width, height, data }: EdgeMap, reach: number): Uint8Array {
  const across = new Uint8Array(data.length);
  for (let y = 0; y < height; y++) {
    let until = -1;
    for (let x = -reach; x < width; x++) {
      const ahead = x + reach;
      if (ahead < width && data[y * width + ahead] === 1) until = ahead + reach;
      if (x >= 0 && x <= until) across[y * width + x] = 1;
    }
  }
  const near = new Uint8Array(data.length);
  for (let x = 0; x < width; x++) {
    let until = -1;
    for (let y = -reach; y < height; y++) {
      const ahead = y + reach;
      if (ahead < height && across[ahead * width + x] === 1) until = ahead + reach;
      if (y >= 0 && y <= until) near[y * width + x] = 1;
    }
  }
  return near;
}
