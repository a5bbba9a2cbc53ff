/** The embedded model through our code against what PyTorch recorded of it in `reference.json`. */
import assert from "node:assert/strict";
import { join } from "node:path";
import * as v from "valibot";
import { createLatents, type Latents, seededNoise } from "../diffusion/mod.ts";
import { loadModel, releaseModel } from "./loading/loaded_model.ts";
import { readModelPackage } from "../packages/model_package.ts";

const folder = join(import.meta.dirname!, "../models/mini");
const list = v.array(v.number());
const quantities = <S extends v.GenericSchema>(of: S) =>
  v.object({ noise: of, last_hidden_state: of, out_sample: of, decoded: of });
const referenceSchema = v.object({
  prompts: v.array(v.string()),
  input_ids: v.array(list),
  torch_manual_seed: v.number(),
  sample_shape: list,
  timestep: list,
  first8: quantities(list),
  norms: quantities(v.number()),
});

function assertLike(
  name: string,
  parts: readonly { readonly data: Float32Array }[],
  { first8, norm }: { readonly first8: readonly number[]; readonly norm: number },
): void {
  // The weights are stored as fp16, the reference was computed with fp32 ones: seen are 1e-5 and 7e-4.
  const values = parts.flatMap(({ data }) => [...data]);
  const ours = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  assert.ok(Math.abs(ours / norm - 1) < 5e-5, `${name}: norm ${ours}, recorded ${norm}`);
  for (const [i, expected] of first8.entries()) {
    assert.ok(Math.abs(values[i]! - expected) < 2e-3, `${name}[${i}]: ${values[i]}, ${expected}`);
  }
}

Deno.test("tokens, noise, text states, U-Net and VAE agree with PyTorch", async () => {
  const text = await Deno.readTextFile(join(folder, "reference.json"));
  const reference = v.parse(referenceSchema, JSON.parse(text));
  const options = { executionProvider: "cpu", intraOpNumThreads: 0, exact: true };
  const model = await loadModel(await readModelPackage(folder), options);
  const recorded = (name: keyof typeof reference.norms) => ({
    first8: reference.first8[name],
    norm: reference.norms[name],
  });

  const [{ tokenizer, encoder }] = model.text;
  const ids = reference.prompts.map((prompt) => tokenizer.tokenize(prompt).ids);
  assert.deepEqual(ids, reference.input_ids);

  const noise = seededNoise(reference.torch_manual_seed, reference.sample_shape);
  assertLike("noise", [noise], recorded("noise"));

  const states = await Promise.all(
    ids.map(async (row) => (await encoder.encode(row)).value),
  );
  const sequences = states.map(({ sequence }) => sequence);
  assertLike("last_hidden_state", sequences, recorded("last_hidden_state"));

  const [, ...shape] = reference.sample_shape;
  const size = noise.data.length / ids.length;
  const xs: Latents[] = ids.map((_, i) =>
    createLatents(noise.data.slice(i * size, (i + 1) * size), shape)
  );
  const rows = xs.map((x, i) => ({ x, timestep: reference.timestep[i]!, states: states[i]! }));
  assertLike("out_sample", (await model.denoiser.run(rows)).value, recorded("out_sample"));

  const decoded = await Promise.all(xs.map(async (x) => (await model.vaeDecoder.decode(x)).value));
  assertLike("decoded", decoded, recorded("decoded"));
  await releaseModel(model);
});
