// Broken here: a folder as OnnxStableDiffusionPipeline writes it is refused, or read as another model.
import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { OnnxGraph } from "../onnx/graph_file/onnx_graph.ts";
import {
  textEncoderConfigOf,
  unetConfigOf,
  vaeConfigOf,
} from "./families/stable_diffusion_graphs.ts";
import { readModelPackage } from "./model_package.ts";

const FIXTURES = join(import.meta.dirname!, "../../tests/parity/fixtures");
const CONFIGS = ["text_encoder", "unet", "vae_decoder"].map((part) => `${part}/config.json`);

async function withFolder(
  family: string,
  { pipeline, without }: { readonly pipeline: string; readonly without: readonly string[] },
  use: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "shapefirst-"));
  try {
    await cp(join(FIXTURES, family, "package"), folder, { recursive: true });
    const file = join(folder, "model_index.json");
    const index = JSON.parse(await readFile(file, "utf8"));
    await writeFile(file, JSON.stringify({ ...index, _class_name: pipeline }));
    for (const path of without) await rm(join(folder, path));
    await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

const ALONE = { pipeline: "OnnxStableDiffusionPipeline", without: CONFIGS };

for (const family of ["sd1", "sd2_base", "sd2_v"]) {
  Deno.test(`${family} without configurations is the model that it is with them`, () =>
    withFolder(family, ALONE, async (folder) => {
      const { manifest: own, vae, denoiserConfig } = await readModelPackage(folder);
      const whole = await readModelPackage(join(FIXTURES, family, "package"));
      assert.deepEqual(own.text, whole.manifest.text);
      assert.deepEqual(own.latents, whole.manifest.latents);
      assert.deepEqual(vae, whole.vae);
      // The graphs leave the size open, which is then that of Stable Diffusion 1.x.
      assert.deepEqual(denoiserConfig, { ...whole.denoiserConfig, sampleSize: [64, 64] });
      assert.deepEqual([own.defaults.width, own.size.multiple_of], [
        512,
        whole.manifest.size.multiple_of,
      ]);
    }));
}

for (const path of CONFIGS) {
  Deno.test(`one configuration may be missing: ${path}`, () =>
    withFolder("sd1", { ...ALONE, without: [path] }, async (folder) => {
      const { manifest } = await readModelPackage(folder);
      assert.equal(manifest.latents.channels, 4);
    }));

  Deno.test(`another class has to have it: ${path}`, () =>
    withFolder(
      "sd1",
      { pipeline: "ORTStableDiffusionPipeline", without: [path] },
      (folder) =>
        assert.rejects(readModelPackage(folder), {
          name: "RangeError",
          message: `${join(folder, path)} is missing`,
        }),
    ));

  Deno.test(`neither configuration nor graph: ${path}`, () => {
    const graph = path.replace("config.json", "model.onnx");
    return withFolder(
      "sd1",
      { ...ALONE, without: [path, graph] },
      (folder) =>
        assert.rejects(readModelPackage(folder), {
          name: "RangeError",
          message: `${join(folder, graph)} is missing`,
        }),
    );
  });
}

function graphOf(
  name: string,
  shape: readonly (number | null)[],
  operators: readonly string[] = [],
): OnnxGraph {
  const nodes = operators.map((op) => ({ op, inputs: [], outputs: [] }));
  return { opset: 14, inputs: [{ name, shape }], nodes, external: [] };
}

const THREE = ["Conv", "Resize", "Resize", "Resize", "Conv"];
const TOLD: readonly [string, object, object][] = [
  [
    "a U-Net of one size",
    unetConfigOf(graphOf("sample", [2, 4, 96, 64], THREE)),
    { in_channels: 4, sample_size: [96, 64], block_out_channels: [1, 1, 1, 1] },
  ],
  [
    "a U-Net that leaves all open, as diffusers' script writes it",
    unetConfigOf(graphOf("sample", [null, null, null, null], THREE)),
    { in_channels: 4, sample_size: 64, block_out_channels: [1, 1, 1, 1] },
  ],
  [
    "a U-Net of other channels and levels",
    unetConfigOf(graphOf("sample", [null, 9, null, null], ["Upsample"])),
    { in_channels: 9, sample_size: 64, block_out_channels: [1, 1] },
  ],
  [
    "a VAE whose doublings have other names",
    vaeConfigOf(graphOf("latent_sample", [null, 16, null, null], ["Conv"])),
    { latent_channels: 16, block_out_channels: [1, 1, 1, 1] },
  ],
  [
    "an encoder of 32 positions",
    textEncoderConfigOf(graphOf("input_ids", [null, 32])),
    { architectures: ["CLIPTextModel"], max_position_embeddings: 32 },
  ],
  [
    "an encoder that leaves them open",
    textEncoderConfigOf(graphOf("input_ids", [null, null])),
    { architectures: ["CLIPTextModel"], max_position_embeddings: 77 },
  ],
];

for (const [name, told, expected] of TOLD) {
  Deno.test(`what a graph says: ${name}`, () => assert.deepEqual(told, expected));
}
