// An image would depend on who else draws, under a key that promises one image.
import assert from "node:assert/strict";
import { createLatents } from "../../diffusion/mod.ts";
import { BatchProof, haveSameBits } from "./batch_proof.ts";

const outputs = (...values: number[]) => ({
  value: values.map((value) => createLatents(Float32Array.of(value, 2 * value), [2, 1, 1])),
});

/** Two rows that in company come out as `company`, and a record of how they were evaluated. */
function trialOf(company: readonly number[]) {
  const log: string[] = [];
  const evaluate = (way: string, ...values: number[]) => () => {
    log.push(way);
    return Promise.resolve(outputs(...values));
  };
  const ways = {
    alone: evaluate("alone", 1, 3),
    together: evaluate("together", ...company),
    trial: evaluate("trial", ...company),
  };
  return { log, ways };
}

Deno.test("rows whose bits hold in company are tried once for each key, then go together", async () => {
  const { log, ways } = trialOf([1, 3]);
  const proof = new BatchProof();
  for (const key of ["2 of a", "2 of a", "2 of a", "3 of a"]) {
    assert.ok(haveSameBits((await proof.run(key, ways)).value, outputs(1, 3).value));
  }
  assert.deepEqual(log, ["alone", "trial", "together", "together", "alone", "trial"]);
});

Deno.test("rows whose bits change in company stay alone, whatever that costs", async () => {
  const { log, ways } = trialOf([1, Math.fround(3 + 2e-7)]);
  const proof = new BatchProof();
  for (let i = 0; i < 3; i++) {
    assert.ok(haveSameBits((await proof.run("2 of a", ways)).value, outputs(1, 3).value));
  }
  assert.deepEqual(log, ["alone", "trial", "alone", "alone"]);
});

Deno.test("a trial that fails fails its rows, and is made again", async () => {
  const { log, ways } = trialOf([1, 3]);
  const proof = new BatchProof();
  const broken = { ...ways, trial: () => Promise.reject(new Error("out of memory")) };
  await assert.rejects(proof.run("2 of a", broken), /out of memory/);
  await proof.run("2 of a", ways);
  assert.deepEqual(log, ["alone", "alone", "trial"]);
});

Deno.test("haveSameBits() sees the last bit, a sign of zero and a missing row", () => {
  const [a] = outputs(1).value;
  assert(a);
  const changed = (data: number[]) => createLatents(Float32Array.from(data), [2, 1, 1]);
  assert.ok(haveSameBits([a], [changed([1, 2])]));
  assert.ok(!haveSameBits([a], [changed([1, 2 + 2 ** -22])]));
  assert.ok(!haveSameBits([changed([0, 1])], [changed([-0, 1])]));
  assert.ok(haveSameBits([changed([NaN, 1])], [changed([NaN, 1])]));
  assert.ok(!haveSameBits([a], []));
});

Deno.test("attention that changes in company keeps tapped rows alone", async () => {
  const { value } = outputs(1, 3);
  const seen: string[] = [];
  const evaluate = (way: string, weight: number) => () => {
    seen.push(way);
    return Promise.resolve({ value, attention: [outputs(weight).value, null] });
  };
  const proof = new BatchProof();
  const ways = {
    alone: evaluate("alone", 0.5),
    together: evaluate("together", 0.5),
    trial: evaluate("trial", 0.25),
  };
  for (let i = 0; i < 2; i++) await proof.run("2 of a, tapped", ways);
  assert.deepEqual(seen, ["alone", "trial", "alone"]);
});
