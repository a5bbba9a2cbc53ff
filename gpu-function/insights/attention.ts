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
  const [first] = averaged;
  if (!first) throw new RangeError("Attention needs at least one layer");
  const grid = averaged.map(({ grid }) => grid).reduce(finer);
  // Enlarging is linear, so layers of one grid can be added first.
  const grids = [...Map.groupBy(averaged, ({ grid: { width } }) => width).values()];
  const mapOf = (i: number) =>
    grids.map((alike) =>
      enlarge(
        alike.map(({ grid: own, maps }) => ({ ...own, data: maps[i]! })).reduce((a, b) =>
          sumOf(a, b)
        ),
        grid,
      )
    ).reduce((a, b) => sumOf(a, b));
  return {
    shares: first.shares.map((_, token) => mean(averaged.map(({ shares }) => shares[token]!))),
    maps: positions.map((_, i) => {
      const sum = mapOf(i);
      return { ...sum, data: sum.data.map((value) => value / layers.length) };
    }),
  };
}

interface AveragedLayer {
  readonly grid: GridSize;
  readonly shares: readonly number[];
  readonly maps: readonly Float32Array[];
}

function averageHeads(
  { data, shape }: Latents,
  latents: GridSize,
  positions: readonly number[],
): AveragedLayer {
  const [heads = 0, places = 0, tokens = 0] = shape;
  const grid = gridOf(places, latents, shape);
  const sums = new Float64Array(tokens);
  const maps = positions.map(() => new Float32Array(places));
  for (let start = 0; start < data.length; start += tokens) {
    for (let token = 0; token < tokens; token++) sums[token]! += data[start + token]!;
  }
  for (let i = 0; i < positions.length; i++) {
    const map = maps[i]!;
    for (let row = 0; row < heads * places; row++) {
      map[row % places]! += data[row * tokens + positions[i]!]! / heads;
    }
  }
  return {
    grid,
    shares: Array.from(sums, (sum) => sum / (heads * places)),
    maps,
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

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
