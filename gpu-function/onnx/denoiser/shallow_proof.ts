/** Whether a cut graph, fed with the deep features of a row, gives what the whole graph gives for that row. */
import type { DenoiserGraph } from "./denoiser_graph.ts";
import type { DenoiserRow } from "./denoiser_row.ts";

/** Of the largest value; on a CPU the two have been equal to the bit, on a GPU kernels may differ. */
const TOLERANCE = 1e-3;

/** @throws RangeError when the outputs differ by more than a thousandth of the largest value */
export async function proveShallow(
  what: string,
  { whole, shallow, row: { x, timestep, states, reuse } }: {
    readonly whole: Pick<DenoiserGraph, "run">;
    readonly shallow: Pick<DenoiserGraph, "run">;
    readonly row: DenoiserRow;
  },
): Promise<void> {
  const asked = { x, timestep, states };
  const depth = reuse?.depth ?? 0;
  const expected = await whole.run([{ ...asked, reuse: { depth, features: null } }], false);
  const features = expected.features[0] ?? null;
  const given = await shallow.run([{ ...asked, reuse: { depth, features } }], false);
  const values = expected.value[0]?.data ?? new Float32Array();
  const largest = values.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  const difference = values.reduce(
    (max, value, i) => Math.max(max, Math.abs(value - (given.value[0]?.data[i] ?? NaN))),
    0,
  );
  if (difference <= TOLERANCE * largest) return;
  throw new RangeError(
    `${what}, must give what the whole graph gives, and differs by ${difference}`,
  );
}
