// A cut graph that gives something else than the whole one is not used.
import assert from "node:assert/strict";
import { proveShallow } from "./shallow_proof.ts";
import { createLatents } from "../../diffusion/mod.ts";

const FEATURES = createLatents(Float32Array.of(7), [1, 1, 1]);
const ROW = {
  x: createLatents(Float32Array.of(1, 2), [1, 1, 2]),
  timestep: 5,
  states: { sequence: { data: new Float32Array(2), positions: 1, width: 2 }, pooled: null },
  reuse: { depth: 2, features: createLatents(Float32Array.of(9), [1, 1, 1]) },
};

function graphGiving(...values: number[]) {
  const value = [createLatents(Float32Array.from(values), [1, 1, values.length])];
  return {
    run: () => Promise.resolve({ value, milliseconds: 1, attention: [null], features: [FEATURES] }),
  };
}

Deno.test("a cut graph may differ by rounding and no more", async () => {
  const whole = graphGiving(10, -1_000);
  const prove = (...values: number[]) =>
    proveShallow("unet/model.onnx, cut at x", { whole, shallow: graphGiving(...values), row: ROW });
  await prove(10, -1_000);
  await prove(10.9, -1_000);
  for (const wrong of [[12, -1_000], [10], [10, NaN], [10, 1_000]]) {
    await assert.rejects(
      prove(...wrong),
      /^RangeError: unet\/model.onnx, cut at x, must give what the whole graph gives/,
    );
  }
});

Deno.test("the proof is made with the row's own features, not with those of another step", async () => {
  const asked: unknown[] = [];
  const graph = graphGiving(1, 2);
  const noting = {
    run(rows: readonly { readonly reuse?: unknown }[]) {
      asked.push(rows.map(({ reuse }) => reuse));
      return graph.run();
    },
  };
  await proveShallow("it", { whole: noting, shallow: noting, row: ROW });
  assert.deepEqual(asked, [[{ depth: 2, features: null }], [{ depth: 2, features: FEATURES }]]);
});
