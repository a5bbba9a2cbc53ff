// Rows that reuse deep features, on the embedded model's own graph.
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { type Denoiser, loadDenoiser } from "./denoiser.ts";
import type { DenoiserRow } from "./denoiser_row.ts";
import { haveSameBits } from "./batch_proof.ts";
import { createLatents, type Latents, seededNoise } from "../../diffusion/mod.ts";
import { STABLE_DIFFUSION } from "../../packages/families/stable_diffusion.ts";
import { readModelPackage } from "../../packages/model_package.ts";

const MINI = fileURLToPath(new URL("../../models/mini", import.meta.url));
const OPTIONS = { executionProvider: "cpu", intraOpNumThreads: 2, exact: true, rowsMax: 16 };

async function withMini(
  test: (denoiser: Denoiser) => Promise<void>,
  cuts?: readonly string[],
): Promise<void> {
  const { manifest, denoiserConfig, files } = await readModelPackage(MINI);
  const form = {
    ...denoiserConfig,
    names: STABLE_DIFFUSION.denoiser.names,
    textMasked: false,
    pixelsPerLatent: null,
    textWidth: 192,
    cuts: cuts ?? manifest.cuts.map(({ value }) => value),
  };
  const denoiser = await loadDenoiser(files.denoiser, form, OPTIONS);
  try {
    await test(denoiser);
  } finally {
    for (const session of denoiser.sessions) await session.release();
  }
}

function row(seed: number, reuse?: DenoiserRow["reuse"]): DenoiserRow {
  const states = seededNoise(seed + 100, [32, 192]);
  const sequence = { data: states.data, positions: 32, width: 192 };
  const text = { sequence, pooled: null };
  return {
    x: seededNoise(seed, [12, 8, 8]),
    timestep: 400 + seed,
    states: text,
    ...(reuse ? { reuse } : {}),
  };
}

async function run(denoiser: Denoiser, rows: readonly DenoiserRow[]) {
  const { value, features = [] } = await denoiser.run(rows);
  return { value, features };
}

function present(features: Latents | null | undefined): Latents {
  assert(features);
  return features;
}

Deno.test("a shallow row with its own deep features is the whole row, to the bit", async () => {
  await withMini(async (denoiser) => {
    const plain = await run(denoiser, [row(1)]);
    assert.deepEqual(plain.features, [null]);
    for (const depth of [1, 2]) {
      const whole = await run(denoiser, [row(1, { depth, features: null })]);
      assert(haveSameBits(plain.value, whole.value), `whole row at depth ${depth}`);
      const features = present(whole.features[0]);
      const shallow = await run(denoiser, [row(1, { depth, features })]);
      assert(haveSameBits(plain.value, shallow.value), `shallow row at depth ${depth}`);
      assert.deepEqual(shallow.features, [null]);
    }
    // What proved the cut graphs was asked for by nobody.
    assert.deepEqual(denoiser.sessions.map(({ usage }) => usage.rows), [3, 1, 1]);
  });
});

Deno.test("shallow rows take the features that they are given, each its own, in company as alone", async () => {
  await withMini(async (denoiser) => {
    const wholes = [1, 2, 3].map((seed) => row(seed, { depth: 1, features: null }));
    const { value, features } = await run(denoiser, wholes);
    const shallow = [4, 5, 6].map((seed, i) =>
      row(seed, { depth: 1, features: present(features[i]) })
    );
    const alone = [];
    for (const one of shallow) alone.push(...(await run(denoiser, [one])).value);
    // Twice: first the bits of the batch are proven, then they are used.
    for (const _ of ["proof", "use"]) {
      assert(haveSameBits(alone, (await run(denoiser, shallow)).value));
    }
    const [first, second] = features.map(present);
    const swapped = await run(denoiser, [row(4, { depth: 1, features: second! })]);
    assert(!haveSameBits(swapped.value, alone.slice(0, 1)));
    assert.deepEqual(first?.shape, [128, 8, 8]);
    assert(!haveSameBits(value, alone));
  });
});

Deno.test("whole and shallow rows in one call are answered in their order", async () => {
  await withMini(async (denoiser) => {
    const { value: [whole], features: [features] } = await run(denoiser, [
      row(1, { depth: 2, features: null }),
    ]);
    const mixed = await run(denoiser, [
      row(1, { depth: 2, features: present(features) }),
      row(1),
      row(1, { depth: 1, features: null }),
    ]);
    for (const output of mixed.value) assert(haveSameBits([output], [whole!]));
    assert.deepEqual(mixed.features.map((of) => of?.shape ?? null), [null, null, [128, 8, 8]]);
  });
});

Deno.test("a depth that the model has no cut for is refused", async () => {
  await withMini(async (denoiser) => {
    const features = createLatents(new Float32Array(128 * 64), [128, 8, 8]);
    await assert.rejects(
      denoiser.run([row(1, { depth: 3, features })]),
      /has 2 cuts, so none of depth 3/,
    );
  });
});

Deno.test("a value that is not in the graph is refused when the model loads", async () => {
  await assert.rejects(withMini(async () => {}, ["no_such_value"]), /no_such_value/);
});
