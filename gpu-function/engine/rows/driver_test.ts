// Broken here: a run gets another's outputs, or what one run's reader or row does holds up the others.
import assert from "node:assert/strict";
import { createLatents } from "../../diffusion/mod.ts";
import { TRIES } from "./batch_profile.ts";
import { Driver, type RowSource, STEPS_AHEAD } from "./driver.ts";
import { doublingDenoiser } from "../../fixtures/doubling_denoiser.ts";
import type { Denoiser } from "../../onnx/denoiser/denoiser.ts";
import type { DenoiserOutputs, DenoiserRow } from "../../onnx/denoiser/denoiser_row.ts";

const states = { sequence: { data: new Float32Array(2), positions: 1, width: 2 }, pooled: null };
const row = (value: number): DenoiserRow => ({
  x: createLatents(Float32Array.of(value, value), [1, 1, 2]),
  timestep: 1,
  states,
});

/** Brings the given rows, evaluation by evaluation; each is a step, made of the outputs' values. */
function scripted(
  denoiser: Denoiser,
  script: readonly (readonly number[])[],
): RowSource<readonly number[]> {
  let evaluations = 0;
  return {
    denoiser,
    batchKey: "k",
    nextRows: () => (script[evaluations] ?? []).map(row),
    accept({ value }) {
      evaluations += 1;
      return value.map(({ data }) => data[0]!);
    },
  };
}

const never = () => new AbortController().signal;
/** Lets everything that can happen without a reader happen. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 0));

Deno.test("the driver mixes rows of running sources and gives each its own outputs", async () => {
  const { denoiser, batches } = doublingDenoiser();
  const driver = new Driver<readonly number[]>({ rowsMax: 4 });
  const scripts = [[[1, 2], [3]], [[10], [20, 30]]];
  const steps = await Promise.all(
    scripts.map((script) => Array.fromAsync(driver.run(scripted(denoiser, script), never()))),
  );
  assert.deepEqual(steps, [[[2, 4], [6]], [[20], [40, 60]]]);
  // The first batch starts before the second source arrives; from then on they share.
  assert.deepEqual(batches, [[1, 2], [10, 3], [20, 30]]);
});

Deno.test("a source gets the attention, the features and the freshness of its own rows", async () => {
  const { denoiser } = doublingDenoiser();
  const labelled: Denoiser = {
    ...denoiser,
    async run(rows) {
      const attention = rows.map(({ x }) => [x]);
      const fresh = rows.map(({ x }) => x.data[0]! < 10);
      const features = rows.map(({ x }) => x);
      return { ...await denoiser.run(rows), attention, fresh, features };
    },
  };
  const driver = new Driver<unknown>({ rowsMax: 4 });
  const sources = [scripted(labelled, [[1, 2], [3]]), scripted(labelled, [[10], [20, 30]])];
  const received = await Promise.all(sources.map((source) => {
    const accept: RowSource<unknown>["accept"] = (outputs) => {
      source.accept(outputs);
      const attended = outputs.attention?.map((layers) => layers?.[0]?.data[0]);
      assert.deepEqual(outputs.features?.map((of) => of?.data[0]), attended);
      return [attended, outputs.fresh];
    };
    return Array.fromAsync(driver.run({ ...source, accept }, never()));
  }));
  assert.deepEqual(received, [
    [[[1, 2], [true, true]], [[3], [true]]],
    [[[10], [false]], [[20, 30], [false, false]]],
  ]);
});

Deno.test("shallow rows share no batch with whole rows, nor with those of another depth", async () => {
  const { denoiser, batches } = doublingDenoiser();
  const driver = new Driver<readonly number[]>({ rowsMax: 8 });
  const features = createLatents(new Float32Array(1), [1, 1, 1]);
  const reusing = (values: readonly number[], reuse: DenoiserRow["reuse"]) => {
    const source = scripted(denoiser, [values.slice(0, 1), values.slice(1)]);
    const nextRows = () => source.nextRows().map((plain) => reuse ? { ...plain, reuse } : plain);
    return { ...source, nextRows };
  };
  const sources = [
    reusing([1, 1, 1], undefined),
    reusing([2, 2, 2], { depth: 1, features }),
    reusing([3, 3], { depth: 1, features: null }),
    reusing([4, 4], { depth: 2, features }),
    reusing([5, 5], { depth: 1, features }),
  ];
  const given = await Promise.all(
    sources.map((source) => Array.fromAsync(driver.run(source, never()))),
  );
  assert.deepEqual(given.map((steps) => steps.flat()), [
    ...[[2, 2, 2], [4, 4, 4], [6, 6], [8, 8], [10, 10]],
  ]);
  const kind = (value: number) => value === 3 ? 1 : value === 5 ? 2 : value;
  for (const batch of batches) assert.equal(new Set(batch.map(kind)).size, 1, `${batch}`);
  assert(batches.some((batch) => batch.includes(2) && batch.includes(5)));
  assert(batches.some((batch) => batch.includes(1) && batch.includes(3)));
});

Deno.test("a source that finishes no step with its rows yields none", async () => {
  const { denoiser } = doublingDenoiser();
  const source = scripted(denoiser, [[1], [2], [3]]);
  const accept: typeof source.accept = (outputs) => {
    const step = source.accept(outputs);
    return step?.[0] === 4 ? step : null;
  };
  const driver = new Driver<readonly number[]>({ rowsMax: 1 });
  assert.deepEqual(await Array.fromAsync(driver.run({ ...source, accept }, never())), [[4]]);
});

Deno.test("the driver serves sources in turn when rows run alone", async () => {
  const { denoiser, batches } = doublingDenoiser();
  const driver = new Driver<unknown>({ rowsMax: 1 });
  const sources = [[[1], [1], [1]], [[2], [2], [2]]].map((script) => scripted(denoiser, script));
  await Promise.all(sources.map((source) => Array.fromAsync(driver.run(source, never()))));
  assert.deepEqual(batches.flat(), [1, 2, 1, 2, 1, 2]);
});

Deno.test("a reader that does not read holds up its own rows alone, and gets every step later", async () => {
  const { denoiser, batches } = doublingDenoiser();
  const driver = new Driver<readonly number[]>({ rowsMax: 2 });
  const script = Array.from({ length: 3 * STEPS_AHEAD }, (_, i) => [i]);
  const steps = driver.run(scripted(denoiser, script), never());
  const first = await steps.next();
  const other = Array.from({ length: 20 }, () => [100]);
  const others = await Array.fromAsync(driver.run(scripted(denoiser, other), never()));
  assert.equal(others.length, 20);
  await settled();
  assert.equal(batches.flat().filter((value) => value < 100).length, 1 + STEPS_AHEAD);
  const rest = await Array.fromAsync(steps);
  assert.deepEqual([first.value, ...rest], script.map(([value = NaN]) => [2 * value]));
});

Deno.test("rows are evaluated while the reader works on a step; an abort drops what it has not read", async () => {
  const { denoiser, batches } = doublingDenoiser();
  const driver = new Driver<unknown>({ rowsMax: 1 });
  const controller = new AbortController();
  const steps = driver.run(scripted(denoiser, [[1], [2], [3]]), controller.signal);
  await steps.next();
  await settled();
  assert.deepEqual(batches.flat(), [1, 2, 3]);
  controller.abort(new Error("canceled"));
  await assert.rejects(steps.next(), /canceled/);
});

Deno.test("a source whose row breaks the batch fails alone, after the steps before it", async () => {
  const { denoiser } = doublingDenoiser();
  const driver = new Driver<readonly number[]>({ rowsMax: 4 });
  const scripts = [[[7], [7], [7]], [[1], [NaN]], [[5], [5], [5]]];
  const runs = scripts.map(async (script) => {
    const steps: (readonly number[])[] = [];
    try {
      for await (const step of driver.run(scripted(denoiser, script), never())) {
        steps.push(step);
        await settled();
      }
      return { steps };
    } catch {
      return { steps, broken: true };
    }
  });
  assert.deepEqual(await Promise.all(runs), [
    { steps: [[14], [14], [14]] },
    { steps: [[2]], broken: true },
    { steps: [[10], [10], [10]] },
  ]);
});

Deno.test("a source that throws fails alone, and the driver goes on", async () => {
  const { denoiser } = doublingDenoiser();
  const driver = new Driver<unknown>({ rowsMax: 1 });
  const run = (source: RowSource<unknown>) => Array.fromAsync(driver.run(source, never()));
  const source = scripted(denoiser, [[1]]);
  await assert.rejects(run({ ...source, accept: () => assert.fail("not finite") }), /not finite/);
  await assert.rejects(run({ ...source, nextRows: () => assert.fail("no phase") }), /no phase/);
  assert.deepEqual(await run(scripted(denoiser, [[5]])), [[10]]);
});

Deno.test("an aborted run leaves before the next batch and takes no more outputs", async () => {
  const { denoiser, batches } = doublingDenoiser();
  const driver = new Driver<unknown>({ rowsMax: 2 });
  const controller = new AbortController();
  const gone = scripted(denoiser, [[1], [1], [1], [1]]);
  let accepted = 0;
  const stopping: typeof gone = {
    ...gone,
    accept(outputs) {
      accepted += 1;
      if (accepted === 2) controller.abort(new Error("canceled"));
      return gone.accept(outputs);
    },
  };
  const stays = scripted(denoiser, [[5], [5], [5], [5]]);
  const [first, second] = await Promise.allSettled([
    Array.fromAsync(driver.run(stopping, controller.signal)),
    Array.fromAsync(driver.run(stays, never())),
  ]);
  assert.match(first.status === "rejected" ? String(first.reason) : "", /canceled/);
  assert.equal(second.status, "fulfilled");
  assert.equal(batches.flat().filter((value) => value === 1).length, 2);
  await assert.rejects(driver.run(gone, controller.signal).next(), /canceled/);
});

Deno.test("rows in the queue leave it unevaluated when their reader leaves, and when their run aborts", async () => {
  const { denoiser, batches } = doublingDenoiser();
  const slow: Denoiser = {
    ...denoiser,
    run: (rows) => settled().then(() => denoiser.run(rows)),
  };
  const driver = new Driver<unknown>({ rowsMax: 1 });
  const rows = (value: number) => scripted(slow, Array.from({ length: 9 }, () => [value]));
  const controller = new AbortController();
  const [stays, leaves, aborts] = [
    driver.run(rows(5), never()),
    driver.run(rows(1), never()),
    driver.run(rows(2), controller.signal),
  ];
  // All three have their second row in the queue or under way, the first run's before the others'.
  await Promise.all([stays.next(), leaves.next(), aborts.next()]);
  const spent = batches.flat().filter((value) => value !== 5).length;
  await leaves.return(null);
  controller.abort(new Error("canceled"));
  await Array.fromAsync(stays);
  assert.equal(batches.flat().filter((value) => value !== 5).length, spent);
  await assert.rejects(aborts.next(), /canceled/);
});

/** Evaluates as many sources of 40 single rows each; `run` says what a batch of so many rows gives. */
async function runSingles(sources: number, run: (rows: number) => Partial<DenoiserOutputs>) {
  const { denoiser, batches } = doublingDenoiser();
  const timed: Denoiser = {
    ...denoiser,
    async run(rows) {
      const outputs = await denoiser.run(rows);
      // The readers keep up, so that all sources ask again in time.
      await settled();
      return { ...outputs, ...run(rows.length) };
    },
  };
  const driver = new Driver<readonly number[]>({ rowsMax: 4 });
  const scripts = Array.from(
    { length: sources },
    (_, source) => Array.from({ length: 40 }, (_, i) => [100 * source + i]),
  );
  const steps = await Promise.all(
    scripts.map((script) => Array.fromAsync(driver.run(scripted(timed, script), never()))),
  );
  assert.deepEqual(steps, scripts.map((script) => script.map(([value = NaN]) => [2 * value])));
  return batches.map(({ length }) => length);
}

Deno.test("the driver leaves sizes that take longer, row for row, and nobody's outputs change", async () => {
  const slower = await runSingles(4, (rows) => ({ milliseconds: rows ** 2 }));
  // Two, three and four rows are tried, and twice again.
  assert.ok(slower.filter((rows) => rows > 1).length <= 3 * (TRIES + 2), `${slower}`);
  const faster = await runSingles(4, (rows) => ({ milliseconds: 5 + rows }));
  assert.ok(faster.slice(-20).filter((rows) => rows === 4).length >= 15, `${faster}`);
});

Deno.test("rows that were remembered make no batch seem slower or faster than it was", async () => {
  const sizes = await runSingles(
    2,
    (rows) =>
      rows === 1
        ? { milliseconds: 1 }
        : { milliseconds: 3, fresh: [true, ...new Array<boolean>(rows - 1).fill(false)] },
  );
  // One row took those 3 ms: nobody has seen what two rows take.
  assert.ok(sizes.slice(-20).filter((rows) => rows === 2).length >= 15, `${sizes}`);
});

Deno.test("a size that fails as a whole is not tried for ever", async () => {
  let failures = 0;
  await runSingles(4, (rows) => {
    if (rows <= 2) return {};
    failures += 1;
    throw new Error("out of memory");
  });
  assert.ok(failures >= TRIES && failures <= 2 * TRIES, `${failures} failures`);
});

Deno.test("large latents share no batch, as in the denoiser", async () => {
  const { denoiser, batches } = doublingDenoiser();
  const driver = new Driver<unknown>({ rowsMax: 16 });
  const large = createLatents(new Float32Array(64 * 64), [1, 64, 64]);
  const sources = [1, 2, 3].map((value) => {
    const source = scripted(denoiser, [[value], [value], [value]]);
    return { ...source, nextRows: () => source.nextRows().map((row) => ({ ...row, x: large })) };
  });
  await Promise.all(sources.map((source) => Array.fromAsync(driver.run(source, never()))));
  assert.deepEqual(batches.map(({ length }) => length), new Array(9).fill(1));
});
