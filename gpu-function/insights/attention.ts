/**
 * Cross-attention weights of one row of the denoiser, put together over heads and layers: who looks at
 * which token, and where (paper, section 4.1 and Figs. 1 and 3; DAAM, Tang et al. 2023).
 */
import { type Latents, showShape } from "../diffusion/mod.ts";
import { enlarge, type GridSize, type MapGrid, sumOf } from "./map_grid.ts";

export interface Attention {
  /**
   * Per token position, the weight it gets: mean over heads and places of a layer, then over layers,
   * so that each layer counts alike whatever its resolution. Sums to 1.
   */
  readonly shares: readonly number[];
  /** Per asked position, its weight in each cell: mean over heads, brought to one grid, mean over layers. */
  readonly maps: readonly MapGrid[];
}

/**
 * @param layers per layer the softmax of one row, [heads, places, tokens]; places are the latents' cells,
 *   row by row, or blocks of `f` x `f` of them where the layer is `f` times coarser
 * @param latents sides of the latents
 * @param positions of tokens whose maps are asked for
 * @returns maps on the grid of the finest layer; coarser layers are enlarged bilinearly
 * @throws RangeError when a layer does not fit the latents or the other layers
 */
export function averageAttention(
  layers: readonly Latents[],
  { latents, positions }: {
    readonly latents: GridSize;
    readonly positions: readonly number[];
  },
): Attention {
  const averaged = layers.map((layer) => averageHeads(layer, latents, positions));
  if (averaged.length === 0) throw new RangeError("Attention needs at least one layer");
  const finest = averaged.map(({ grid }) => grid).reduce(finer);
  // Enlarging is linear, so layers of one grid can be added first.
  const grids = [...Map.groupBy(averaged, ({ grid: { width } }) => width).values()];
  const mapOf = (i: number) =>
    grids.map((alike) =>
      enlarge(alike.map(({ maps }) => maps[i]!).reduce((a, b) => sumOf(a, b)), finest)
    )
      .reduce((a, b) => sumOf(a, b));
  return {
    shares: meanOf(averaged.map(({ shares }) => shares)),
    maps: positions.map((_, i) => {
      const sum = mapOf(i);
      return { ...sum, data: sum.data.map((value) => value / layers.length) };
    }),
  };
}

interface AveragedLayer {
  readonly grid: GridSize;
  readonly shares: Float64Array;
  readonly maps: readonly MapGrid[];
}

/** Goes through the weights once, in the order in which they lie, since every step of a run does it. */
function averageHeads(
  { data, shape }: Latents,
  latents: GridSize,
  positions: readonly number[],
): AveragedLayer {
  const [heads = 0, places = 0, tokens = 0] = shape;
  const grid = gridOf(places, latents, shape);
  const count = positions.length;
  const shares = new Float64Array(tokens);
  const cells = new Float32Array(count * places);
  for (let row = 0, start = 0; start < data.length; row++, start += tokens) {
    for (let token = 0; token < tokens; token++) shares[token]! += data[start + token]!;
    for (let i = 0, cell = row % places; i < count; i++, cell += places) {
      cells[cell]! += data[start + positions[i]!]! / heads;
    }
  }
  for (let token = 0; token < tokens; token++) shares[token]! /= heads * places;
  return {
    grid,
    shares,
    maps: positions.map((_, i) => ({
      ...grid,
      data: cells.subarray(i * places, (i + 1) * places),
    })),
  };
}

/** Files do not say a layer's sides, only how many places it has. */
function gridOf(
  places: number,
  { width, height }: GridSize,
  shape: readonly number[],
): GridSize {
  const factor = Math.sqrt(width * height / places);
  if (
    Number.isInteger(factor) && width % factor === 0 && height % factor === 0
  ) {
    return { width: width / factor, height: height / factor };
  }
  throw new RangeError(
    `An attention layer must have a place for each block of the ${width}x${height} latents, ` +
      `given ${showShape(shape)}`,
  );
}

function finer(a: GridSize, b: GridSize): GridSize {
  return b.width > a.width ? b : a;
}

function meanOf(layers: readonly Float64Array[]): number[] {
  const means = new Array<number>(layers[0]?.length ?? 0).fill(0);
  for (const shares of layers) {
    for (let token = 0; token < means.length; token++) means[token]! += shares[token]!;
  }
  return means.map((sum) => sum / layers.length);
}
