/** Which rows one run of the graph can take. Pure arithmetic on their shapes and timesteps. */

interface ShapedRow {
  readonly x: { readonly shape: readonly number[] };
  readonly timestep: number;
  readonly reuse?: { readonly depth: number; readonly features: object | null };
}

/** The depth of the graph that computes a row alone: 0 where it takes the whole one. */
export function depthOf({ reuse }: Pick<ShapedRow, "reuse">): number {
  return reuse?.features ? reuse.depth : 0;
}

interface IndexedRow<R> {
  readonly row: R;
  readonly index: number;
}

/** Rows that one run of a graph can take, in their order: those of one depth, or also of equal timestep. */
export function groupRows<R extends ShapedRow>(
  rows: readonly R[],
  { perRow, rowsMax }: { readonly perRow: boolean; readonly rowsMax: number },
): IndexedRow<R>[][] {
  const indexed = rows.map((row, index) => ({ row, index }));
  const keyOf = (row: R) => `${depthOf(row)} ${perRow ? "" : row.timestep}`;
  const alike = [...Map.groupBy(indexed, ({ row }) => keyOf(row)).values()];
  return alike.flatMap((group) => chunksOf(group, rowsTogether(group[0]?.row, rowsMax)));
}

/** Latents beyond which rows in one batch take more memory than they save time. */
const PLACES_TOGETHER = 4096;

/** The most rows like this one that one run of the graph takes, at least one. */
export function rowsTogether(row: Pick<ShapedRow, "x"> | undefined, rowsMax: number): number {
  const [, height = 1, width = 1] = row?.x.shape ?? [];
  return Math.max(Math.min(rowsMax, Math.floor(PLACES_TOGETHER / (height * width))), 1);
}

function chunksOf<T>(items: readonly T[], size: number): T[][] {
  const count = Math.ceil(items.length / size);
  return Array.from({ length: count }, (_, i) => items.slice(i * size, (i + 1) * size));
}
