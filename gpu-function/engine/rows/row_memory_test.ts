import assert from "node:assert/strict";
import { createLatents } from "../../diffusion/mod.ts";
import { doublingDenoiser } from "../../fixtures/doubling_denoiser.ts";
import type { Denoiser } from "../../onnx/denoiser/denoiser.ts";
import type { DenoiserRow } from "../../onnx/denoiser/denoiser_row.ts";
import { rememberRows, RowMemory } from "./row_memory.ts";
import type { EncodedText } from "../../text/mod.ts";

const statesOf = (...values: number[]): EncodedText => ({
  sequence: { data: Float32Array.from(values), positions: 1, width: values.length },
  pooled: null,
});
const row = (x: number, timestep = 1, states = statesOf(0, 0)): DenoiserRow => ({
  x: createLatents(Float32Array.of(x, x), [1, 1, 2]),
  timestep,
  states,
});

const firsts = (value: readonly { data: Float32Array }[]) => value.map(({ data }) => data[0]);

Deno.test("rememberRows() evaluates equal rows once, in one batch and in later ones", async () => {
  const { denoiser, batches } = doublingDenoiser();
  const remembering = rememberRows(denoiser, "m", new RowMemory(1_000));
  const first = await remembering.run([row(1), row(2), row(1)]);
  assert.deepEqual([firsts(first.value), first.fresh], [[2, 4, 2], [true, true, false]]);
  const second = await remembering.run([row(3), row(2)]);
  assert.deepEqual([firsts(second.value), second.fresh], [[6, 4], [true, false]]);
  const third = await remembering.run([row(3), row(1)]);
  assert.deepEqual([firsts(third.value), third.milliseconds], [[6, 2], 0]);
  assert.deepEqual(batches, [[1, 2], [3]]);
});

Deno.test("rememberRows() takes no row for another", async () => {
  const { denoiser, batches } = doublingDenoiser();
  const memory = new RowMemory(1_000);
  const remembering = rememberRows(denoiser, "m", memory);
  const plain = statesOf(0, 0);
  const masked = { ...plain, sequence: { ...plain.sequence, mask: [1] } };
  const pooled = [0, 1].map((value) => ({ ...plain, pooled: Float32Array.of(value) }));
  const wide = { ...row(1), x: createLatents(Float32Array.of(1, 1), [1, 2, 1]) };
  for (
    const other of [
      row(1),
      row(2),
      row(1, 2),
      row(1, 1, statesOf(0, 1)),
      row(1, 1, masked),
      ...pooled.map((each) => row(1, 1, each)),
      wide,
    ]
  ) {
    assert.deepEqual((await remembering.run([other])).fresh, [true]);
  }
  assert.deepEqual((await rememberRows(denoiser, "n", memory).run([row(1)])).fresh, [true]);
  assert.equal(batches.length, 9);
});

Deno.test("rememberRows() keeps nothing of a batch that broke", async () => {
  const { denoiser } = doublingDenoiser();
  let broken = true;
  const flaky: Denoiser = {
    ...denoiser,
    run: (rows) => broken ? Promise.reject(new Error("lost")) : denoiser.run(rows),
  };
  const remembering = rememberRows(flaky, "m", new RowMemory(1_000));
  await assert.rejects(remembering.run([row(1)]), /lost/);
  broken = false;
  assert.deepEqual((await remembering.run([row(1)])).fresh, [true]);
});

Deno.test("rememberRows() evaluates a row anew whose output was not finite", async () => {
  const { denoiser, batches } = doublingDenoiser();
  const memory = new RowMemory(1_000);
  const remembering = rememberRows(denoiser, "m", memory);
  const overflowing = { ...row(1), x: createLatents(Float32Array.of(1, 3e38), [1, 1, 2]) };
  for (const _ of ["first", "retry"]) {
    const { value, fresh } = await remembering.run([overflowing, row(2)]);
    assert.equal(value[0]?.data[1], Infinity);
    assert.equal(fresh?.[0], true);
  }
  assert.deepEqual([batches, memory.bytes], [[[1, 2], [1]], 8]);
});

Deno.test("RowMemory forgets what was used longest ago when it is full", () => {
  const memory = new RowMemory(20);
  const output = (value: number) => ({
    output: createLatents(Float32Array.of(value, value), [1, 1, 2]),
    features: null,
  });
  memory.keep("a", output(1));
  memory.keep("b", output(2));
  assert.equal(memory.bytes, 16);
  assert.equal(memory.find("a")?.output.data[0], 1);
  memory.keep("c", output(3));
  assert.equal(memory.bytes, 16);
  assert.deepEqual(["a", "b", "c"].map((key) => memory.find(key)?.output.data[0]), [
    1,
    undefined,
    3,
  ]);
  const features = createLatents(new Float32Array(4), [1, 1, 4]);
  memory.keep("d", { ...output(4), features });
  assert.deepEqual([memory.bytes, memory.find("d")], [16, undefined]);
});

Deno.test("rememberRows() evaluates a tapped row though its output is known, and keeps what it gave", async () => {
  const { denoiser, batches } = doublingDenoiser();
  const tappedDenoiser: Denoiser = {
    ...denoiser,
    async run(rows) {
      const attention = rows.map(({ x, tapped }) => tapped ? [x] : null);
      return { ...await denoiser.run(rows), attention };
    },
  };
  const remembering = rememberRows(tappedDenoiser, "m", new RowMemory(1_000));
  const tapped = { ...row(1), tapped: true };
  await remembering.run([row(1)]);
  const { value, fresh, attention } = await remembering.run([row(1), tapped, row(2), tapped]);
  assert.deepEqual(firsts(value), [2, 2, 4, 2]);
  assert.deepEqual(fresh, [false, true, true, false]);
  assert.deepEqual(attention, [null, [tapped.x], null, [tapped.x]]);
  await remembering.run([{ ...row(3), tapped: true }]);
  assert.deepEqual((await remembering.run([row(3)])).fresh, [false]);
  assert.deepEqual(batches, [[1], [1, 2], [3]]);
});

Deno.test("rememberRows() tells rows apart by the deep features that they give or take, and keeps those", async () => {
  const { denoiser, batches } = doublingDenoiser();
  const giving: Denoiser = {
    ...denoiser,
    async run(rows) {
      const features = rows.map(({ x, reuse }) => reuse && !reuse.features ? x : null);
      return { ...await denoiser.run(rows), features };
    },
  };
  const memory = new RowMemory(1_000);
  const remembering = rememberRows(giving, "m", memory);
  const feature = (value: number) => createLatents(Float32Array.of(value), [1, 1, 1]);
  const plain = row(1);
  const whole = { ...row(1), reuse: { depth: 1, features: null } };
  const others = [
    plain,
    { ...row(1), reuse: { depth: 2, features: null } },
    { ...row(1), reuse: { depth: 1, features: feature(1) } },
    { ...row(1), reuse: { depth: 1, features: feature(2) } },
    { ...row(1), reuse: { depth: 2, features: feature(2) } },
  ];
  const first = await remembering.run([whole]);
  assert.deepEqual(first.features, [whole.x]);
  for (const other of others) assert.deepEqual((await remembering.run([other])).fresh, [true]);
  const again = await remembering.run([whole, ...others]);
  assert.deepEqual(again.fresh, [false, false, false, false, false, false]);
  assert.deepEqual(again.features, [whole.x, null, whole.x, null, null, null]);
  assert.equal(batches.length, 6);
  // Six outputs of two values, and the features of two rows.
  assert.equal(memory.bytes, 4 * (6 * 2 + 2 * 2));
});
