/** A field of numbers over the image, and its way to a finer or coarser grid. */

export interface MapGrid {
  readonly width: number;
  readonly height: number;
  /** One value per cell, row by row. */
  readonly data: Float32Array;
}

export interface GridSize {
  readonly width: number;
  readonly height: number;
}

/**
 * Bilinear between the centres of cells, the outermost values going on to the border: what torch calls
 * `align_corners=False`. Linear, so maps that sum to 1 in each cell still do.
 */
export function enlarge(map: MapGrid, { width, height }: GridSize): MapGrid {
  if (width === map.width && height === map.height) return map;
  const columns = samplePoints(map.width, width);
  const rows = samplePoints(map.height, height);
  const data = new Float32Array(width * height);
  for (let y = 0, cell = 0; y < height; y++) {
    const row = rows[y]!;
    const top = row.first * map.width;
    const bottom = row.second * map.width;
    for (let x = 0; x < width; x++, cell++) {
      const { first, second, weight } = columns[x]!;
      const above = between(map.data[top + first]!, map.data[top + second]!, weight);
      const below = between(map.data[bottom + first]!, map.data[bottom + second]!, weight);
      data[cell] = between(above, below, row.weight);
    }
  }
  return { width, height, data };
}

/**
 * Means over whole blocks of cells.
 * @throws RangeError when a side is no multiple of the new one
 */
export function coarsen(map: MapGrid, { width, height }: GridSize): MapGrid {
  if (map.width % width !== 0 || map.height % height !== 0) {
    throw new RangeError(
      `A map of ${map.width}x${map.height} has no whole blocks for ${width}x${height}`,
    );
  }
  const [across, down] = [map.width / width, map.height / height];
  const data = new Float32Array(width * height);
  for (let y = 0; y < map.height; y++) {
    for (let x = 0; x < map.width; x++) {
      const cell = Math.floor(y / down) * width + Math.floor(x / across);
      data[cell]! += map.data[y * map.width + x]! / (across * down);
    }
  }
  return { width, height, data };
}

/** Linearly to [0, 1] from its least to its greatest value; a constant map becomes 0. */
export function normalize({ width, height, data }: MapGrid): MapGrid {
  const [min, max] = rangeOf(data);
  const scale = max > min ? 1 / (max - min) : 0;
  const scaled = new Float32Array(data.length);
  for (let i = 0; i < scaled.length; i++) scaled[i] = (data[i]! - min) * scale;
  return { width, height, data: scaled };
}

/** Cell by cell; of a single map, that map. @throws RangeError when their sides differ */
export function sumOf(map: MapGrid, other?: MapGrid): MapGrid {
  if (!other) return map;
  const { width, height, data } = map;
  if (width !== other.width || height !== other.height) {
    throw new RangeError(
      `Maps of ${width}x${height} and ${other.width}x${other.height} cannot be added`,
    );
  }
  const sum = new Float32Array(data.length);
  for (let i = 0; i < sum.length; i++) sum[i] = data[i]! + other.data[i]!;
  return { width, height, data: sum };
}

export function rangeOf(
  data: Float32Array,
): readonly [min: number, max: number] {
  let min = Infinity;
  let max = -Infinity;
  for (let i = 0; i < data.length; i++) {
    if (data[i]! < min) min = data[i]!;
    if (data[i]! > max) max = data[i]!;
  }
  return [min, max];
}

interface SamplePoint {
  readonly first: number;
  readonly second: number;
  /** Weight of the second. */
  readonly weight: number;
}

function samplePoints(from: number, to: number): SamplePoint[] {
  const points: SamplePoint[] = [];
  for (let i = 0; i < to; i++) {
    const centre = Math.min(Math.max((i + 0.5) * from / to - 0.5, 0), from - 1);
    const first = Math.floor(centre);
    points.push({ first, second: Math.min(first + 1, from - 1), weight: centre - first });
  }
  return points;
}

function between(first: number, second: number, weight: number): number {
  return first + (second - first) * weight;
}
