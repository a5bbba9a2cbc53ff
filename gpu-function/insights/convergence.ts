/**
 * When attention has found its shape: edges of a token's map in each step against those of the final
 * image (paper, section 4.1 and Fig. 1b). The paper gives neither thresholds nor sizes; ours are these.
 * Both pictures come to one canvas: the maps' grid, enlarged by a power of two to at least 32 a side
 * where the image allows it, the image coarsened to it. Edges agree within half a cell of the grid,
 * which is as exactly as a map can say where something is.
 */
import { type EdgeMap, findEdges } from "./canny.ts";
import { edgeF1Against } from "./edge_agreement.ts";
import { coarsen, enlarge, type GridSize, type MapGrid } from "./map_grid.ts";

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

/** Keeps the edges of each step, not its maps. @param image sides of the final image */
export function trackConvergence(image: GridSize): ConvergenceTracker {
  const steps: EdgeMap[][] = [];
  let canvas: Canvas | null = null;
  return {
    add(maps) {
      const [first] = maps;
      if (!first) return;
      canvas ??= createCanvas(first, image);
      const { size } = canvas;
      steps.push(maps.map((map) => findEdges(enlarge(map, size))));
    },
    finish(picture, level) {
      if (!canvas) return { relative_f1: [], level, reached: null };
      const { size, tolerance } = canvas;
      const score = edgeF1Against(findEdges(coarsen(picture, size)), tolerance);
      const scores = steps.map((maps) => maps.map(score));
      const relative_f1 = relativeToLast(scores);
      return { relative_f1, level, reached: firstAbove(relative_f1, level) };
    },
  };
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
