/**
 * When attention has found its shape: edges of a token's map in each step against those of the final
 * image (paper, section 4.1 and Fig. 1b). The paper gives neither thresholds nor sizes; ours are these.
 * Both pictures come to one canvas: the maps' grid, enlarged by a power of two to at least 32 a side
 * where the image allows it, the image coarsened to it. Edges agree within half a cell of the grid,
 * which is as exactly as a map can say where something is.
 */
import { findEdges } from "./canny.ts";
import { edgeF1Against } from "./edge_agreement.ts";
import { coarsen, enlarge, type GridSize, type MapGrid, normalize } from "./map_grid.ts";

const CANVAS_SIDE = 32;

export interface Convergence {
  /**
   * Per step that has maps, F1 relative to the last one's, mean over the tokens whose last map agrees
   * with the image at all; null where none does.
   */
  readonly relative_f1: readonly (number | null)[];
  readonly level: number;
  /** Index of the first step from which on it never falls below the level; null where none is. */
  readonly reached: number | null;
}

export interface ConvergenceTracker {
  /** @param maps of the tokens, the same ones in each step */
  add(maps: readonly MapGrid[]): void;
  /**
   * Against the final image.
   * @param level part of the last step's agreement that counts as converged
   * @param image its luminance, 0 to 1; sides are multiples of the maps'
   */
  finish(image: MapGrid, level: number): Convergence;
}

/**
 * Keeps a byte per cell of each step and looks for edges at the end, so that a step costs next to
 * nothing. @param image sides of the final image
 */
export function trackConvergence(image: GridSize): ConvergenceTracker {
  const steps: Uint8Array[][] = [];
  let grid: GridSize | null = null;
  return {
    add(maps) {
      const [first] = maps;
      if (!first) return;
      grid ??= { width: first.width, height: first.height };
      steps.push(maps.map(toBytes));
    },
    finish(picture, level) {
      if (!grid) return { relative_f1: [], level, reached: null };
      const { width, height } = grid;
      const { size, tolerance } = createCanvas(grid, image);
      const score = edgeF1Against(findEdges(coarsen(picture, size)), tolerance);
      const scores = steps.map((maps) =>
        maps.map((bytes) =>
          score(findEdges(enlarge({ width, height, data: Float32Array.from(bytes) }, size)))
        )
      );
      const relative_f1 = relativeToLast(scores);
      return { relative_f1, level, reached: firstAbove(relative_f1, level) };
    },
  };
}

function toBytes(map: MapGrid): Uint8Array {
  const { data } = normalize(map);
  const bytes = new Uint8Array(data.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Math.round(255 * data[i]!);
  return bytes;
}

interface Canvas {
  readonly size: GridSize;
  /** Half a cell of the maps, pixels. */
  readonly tolerance: number;
}

function createCanvas(grid: GridSize, image: GridSize): Canvas {
  let factor = 1;
  while (
    factor * Math.min(grid.width, grid.height) < CANVAS_SIDE &&
    2 * factor * grid.width <= image.width
  ) factor *= 2;
  return {
    size: { width: factor * grid.width, height: factor * grid.height },
    tolerance: Math.max(factor / 2, 1),
  };
}

/** @param scores per step and token */
function relativeToLast(
  scores: readonly (readonly number[])[],
): (number | null)[] {
  const last = scores.at(-1) ?? [];
  const tokens = [...last.keys()].filter((token) => last[token]! > 0);
  return scores.map((step) =>
    tokens.length === 0
      ? null
      : tokens.reduce((sum, token) => sum + step[token]! / last[token]!, 0) /
        tokens.length
  );
}

/** The first index from which on every value is at least the level. */
export function firstAbove(
  values: readonly (number | null)[],
  level: number,
): number | null {
  const below = values.findLastIndex((value) => value === null || value < level);
  return below + 1 < values.length ? below + 1 : null;
}
