/** Other exporters' forms of a model load, give diffusers' latents and have their own digests. */
import assert from "node:assert/strict";
import { mkdir, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { readModelPackage } from "../../gpu-function/packages/model_package.ts";
import { HALF_BOUND, LATENTS_BOUND, relativeL2, WHOLE_TIMESTEPS_BOUND } from "./difference.ts";
import { FAMILIES, FIXTURES, type Goldens, readGoldens, requestOf } from "./goldens.ts";
import { observeRuns, planOf, withModel } from "./observed_run.ts";
import { type PackageChange, withPackageCopy } from "./package_copy.ts";

const MODEL = "package";
const packageOf = (family: string) => join(FIXTURES, family, MODEL);

const EXTERNAL = (await readGoldens("sd1")).variants.find(({ name }) => name === "external_data")!;

/** The largest error of the final latents over some recorded runs, which run at the same time. */
async function errorOf(
  folder: string,
  goldens: Goldens,
  { names, rowsMax = 1, mapped = false }: {
    readonly names: readonly string[];
    readonly rowsMax?: number;
    readonly mapped?: boolean;
  },
): Promise<number> {
  const cases = goldens.cases.filter(({ name }) => names.includes(name));
  assert.equal(cases.length, names.length);
  let error = 0;
  await withModel(folder, async (model) => {
    const plans = cases.map((golden) => planOf(model, requestOf(golden, model.manifest.id)));
    for (const [i, { latents }] of (await observeRuns(model, plans, rowsMax)).entries()) {
      const after = goldens.valuesOf(cases[i]!.latents);
      error = Math.max(error, relativeL2(latents.data, after.subarray(-latents.data.length)));
    }
    const { runs, rows } = model.denoiser.sessions[0].usage;
    assert.ok(rowsMax === 1 ? runs === rows : runs < rows, `${rows} rows in ${runs} runs`);
  }, { exact: rowsMax === 1, mapped });
  return error;
}

/** Recorded runs with different prompt lengths and step counts, and one with a null tail. */
const MIXED = ["dpmpp_2m", "few_steps", "negative", "cutoff_5_null", "unguided"];

/** Variants whose graphs cut the fractions off timesteps. */
const INTEGER_TIMESTEPS = ["whole_timesteps", "scalar_timestep"];
const FRACTIONAL = ["euler", "euler_ancestral", "heun"];

for (const family of FAMILIES) {
  Deno.test(`${family}: rows of different masks and timesteps share batches`, async () => {
    const goldens = await readGoldens(family);
    const error = await errorOf(packageOf(family), goldens, { names: MIXED, rowsMax: 8 });
    assert.ok(error <= LATENTS_BOUND, String(error));
  });

  for (const variant of (await readGoldens(family)).variants) {
    Deno.test(`${family} ${variant.name}: ${variant.about}`, async () => {
      const goldens = await readGoldens(family);
      const { digest } = (await readModelPackage(packageOf(family))).manifest;
      await withPackageCopy(family, { variant }, async (modelsDir) => {
        const folder = join(modelsDir, MODEL);
        const { manifest } = await readModelPackage(folder);
        assert.notEqual(manifest.digest, digest);
        await withModel(folder, (model) => {
          for (const { text, ids } of goldens.texts) {
            assert.deepEqual(model.tokenizer.tokenize(text).ids, ids, text);
          }
          return Promise.resolve();
        });
        const bound = variant.name === "half" ? HALF_BOUND : LATENTS_BOUND;
        for (
          const way of [{ rowsMax: 1 }, { rowsMax: 8 }, { mapped: true }] as const
        ) {
          const error = await errorOf(folder, goldens, { names: MIXED, ...way });
          assert.ok(error <= bound, `${JSON.stringify(way)}: ${error}`);
        }
        if (!INTEGER_TIMESTEPS.includes(variant.name)) return;
        for (const sampler of FRACTIONAL) {
          const error = await errorOf(folder, goldens, { names: [sampler] });
          assert.ok(
            error > LATENTS_BOUND && error <= WHOLE_TIMESTEPS_BOUND,
            `${sampler}: ${error}`,
          );
        }
      });
    });
  }
}

// Only on Linux can a process read which files are in its memory.
Deno.test({
  name: "mapped weights are read in their file, of which packed ones are copies",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    withPackageCopy("sd1", { variant: EXTERNAL }, async (modelsDir) => {
      const ranges = { packed: 0, mapped: 0 };
      for (const mapped of [false, true]) {
        await withModel(join(modelsDir, MODEL), async () => {
          const lines = (await Deno.readTextFile("/proc/self/maps")).split("\n");
          ranges[mapped ? "mapped" : "packed"] = lines.filter((line) =>
            line.endsWith("unet/model.onnx_data")
          ).length;
        }, { mapped });
      }
      // Biases are mapped either way, since only matrices are packed.
      assert.ok(ranges.mapped > ranges.packed, JSON.stringify(ranges));
    }),
});

Deno.test("the VAE's configuration may lie where diffusers has it, and counts for the digest", () =>
  withPackageCopy("sd1", {
    async change(folder) {
      await mkdir(join(folder, "vae"));
      await rename(join(folder, "vae_decoder/config.json"), join(folder, "vae/config.json"));
      await Deno.writeTextFile(join(folder, "vae/diffusion_pytorch_model.bin"), "not of the model");
    },
  }, async (modelsDir) => {
    const file = join(modelsDir, MODEL, "vae/config.json");
    const readPackage = () => readModelPackage(join(modelsDir, MODEL));
    const read = async () => (await readPackage()).manifest;
    const before = await read();
    assert.deepEqual(before.latents, { channels: 4, vae_scale_factor: 8, scaling_factor: 0.18215 });
    const json = JSON.parse(await Deno.readTextFile(file));
    assert.equal((await readPackage()).vae.shift_factor, 0);
    const edited = { ...json, scaling_factor: 0.13025, shift_factor: 0.0609 };
    await Deno.writeTextFile(file, JSON.stringify(edited));
    const after = await read();
    assert.equal(after.latents.scaling_factor, 0.13025);
    assert.deepEqual((await readPackage()).vae, {
      channels: 4,
      scaling_factor: 0.13025,
      shift_factor: 0.0609,
    });
    assert.notEqual(after.digest, before.digest);
    await Deno.writeTextFile(join(modelsDir, MODEL, "vae/diffusion_pytorch_model.bin"), "changed");
    assert.equal((await read()).digest, after.digest);
  }));

const WEIGHTS: readonly [string, PackageChange, string][] = [
  ["pixart", {}, "transformer/model.onnx"],
  ["sd1", { variant: EXTERNAL }, "unet/model.onnx_data"],
];

for (const [family, change, path] of WEIGHTS) {
  Deno.test(`a changed byte in ${path} is another model`, () =>
    withPackageCopy(family, change, async (modelsDir) => {
      const folder = join(modelsDir, MODEL);
      const before = (await readModelPackage(folder)).manifest.digest;
      const bytes = await Deno.readFile(join(folder, path));
      bytes[bytes.length - 100]! ^= 1;
      await Deno.writeFile(join(folder, path), bytes);
      assert.notEqual((await readModelPackage(folder)).manifest.digest, before);
    }));
}

Deno.test("a second encoder with its tokenizer counts for the digest, folders that are no part do not", () =>
  withPackageCopy("sd1", {}, async (modelsDir) => {
    const folder = join(modelsDir, MODEL);
    const digests = [(await readModelPackage(folder)).manifest.digest];
    const parts = [
      "text_encoder_2/model.onnx",
      "text_encoder_3/model.onnx",
      "tokenizer_2/vocab.json",
    ];
    for (const path of [...parts, "text_encoder_old/model.onnx", "vae_encoder/model.onnx"]) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await Deno.writeTextFile(join(folder, path), "one");
      digests.push((await readModelPackage(folder)).manifest.digest);
    }
    await Deno.writeTextFile(join(folder, "text_encoder_2/model.onnx"), "two");
    digests.push((await readModelPackage(folder)).manifest.digest);
    assert.equal(new Set(digests).size, 1 + parts.length + 1);
    assert.equal(new Set(digests.slice(parts.length, -1)).size, 1);
  }));

Deno.test("PixArt of 300 tokens is a line in shapefirst.json", () =>
  withPackageCopy("pixart", {
    change: (folder) =>
      Deno.writeTextFile(join(folder, "shapefirst.json"), JSON.stringify({ max_length: 300 })),
  }, (modelsDir) =>
    withModel(join(modelsDir, MODEL), async ({ manifest, text: [{ tokenizer, encoder }] }) => {
      assert.equal(manifest.text.max_length, 300);
      const { value } = await encoder.encode(tokenizer.tokenize("a blue bird").ids);
      assert.equal(value.sequence.positions, 300);
    })));
