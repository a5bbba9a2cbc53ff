import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createPromptTokenizer } from "../../contract/mod.ts";
import { clipTokenizerJson } from "./clip_tokenizer_json.ts";
import { readModelPackage } from "./model_package.ts";
import { readTextPart } from "./package_text.ts";

const mini = join(import.meta.dirname!, "../models/mini");

/** Changes a copy of the embedded package and hands it to the test. */
async function withCopy(
  change: (folder: string) => Promise<void>,
  test: (folder: string) => Promise<void>,
): Promise<void> {
  const parent = await mkdtemp(join(tmpdir(), "shapefirst-"));
  const folder = join(parent, "My Model");
  try {
    await cp(mini, folder, { recursive: true });
    await change(folder);
    await test(folder);
  } finally {
    await rm(parent, { recursive: true });
  }
}

async function editJson(file: string, edit: (json: Record<string, unknown>) => void) {
  const json = JSON.parse(await readFile(file, "utf8"));
  edit(json);
  await writeFile(file, JSON.stringify(json));
}

Deno.test("the embedded package is what its own files say", async () => {
  const { manifest, schedulerConfig } = await readModelPackage(mini);
  assert.equal(manifest.id, "mini");
  assert.deepEqual(manifest.latents, { channels: 12, vae_scale_factor: 16, scaling_factor: 1 });
  assert.equal(manifest.text.pad_token_id, manifest.text.eos_token_id);
  assert.equal(manifest.text.causal, true);
  assert.deepEqual(manifest.insights, ["attention", "frequency", "guidance"]);
  assert.equal(schedulerConfig.prediction_type, "epsilon");
});

Deno.test("a plain export without shapefirst.json loads with derived defaults and digest", () =>
  withCopy(
    (folder) => rm(join(folder, "shapefirst.json")),
    async (folder) => {
      const { manifest } = await readModelPackage(folder);
      assert.equal(manifest.id, "my-model");
      assert.deepEqual([manifest.defaults.width, manifest.defaults.height], [128, 128]);
      assert.equal(manifest.defaults.guidance_scale, 7.5);
      assert.equal(manifest.latent_rgb, null);
      // Attention comes from taps, which only that file names.
      assert.deepEqual(manifest.insights, ["frequency", "guidance"]);
      // Equal files have an equal digest, recorded or computed.
      assert.equal(manifest.digest, (await readModelPackage(mini)).manifest.digest);
    },
  ));

Deno.test("a package offers the samplers that fit its scheduler file, the file's own by default", () =>
  withCopy(
    async (folder) => {
      await rm(join(folder, "shapefirst.json"));
      // As diffusers writes it, infinity and all.
      const text =
        '{"_class_name": "DPMSolverMultistepScheduler", "lambda_min_clipped": -Infinity}';
      await writeFile(join(folder, "scheduler/scheduler_config.json"), text);
    },
    async (folder) => {
      const { manifest: { samplers, defaults } } = await readModelPackage(folder);
      assert.equal(defaults.sampler, "dpmpp_2m");
      assert.ok(samplers.includes("ddim") && !samplers.includes("flow_euler"));
    },
  ));

Deno.test("a flow model has flow samplers alone, and no other default", () =>
  withCopy(
    (folder) =>
      writeFile(
        join(folder, "scheduler/scheduler_config.json"),
        '{"_class_name": "FlowMatchEulerDiscreteScheduler"}',
      ),
    async (folder) => {
      const edit = (defaults: object) =>
        editJson(join(folder, "shapefirst.json"), (json) => {
          json["defaults"] = defaults;
          delete json["digest"];
          delete json["files"];
        });
      await edit({ sampler: "ddim" });
      await assert.rejects(
        readModelPackage(folder),
        /shapefirst\.json: defaults\.sampler must be one of flow_euler for this.*given ddim/,
      );
      await edit({});
      const { manifest } = await readModelPackage(folder);
      assert.deepEqual(manifest.samplers, ["flow_euler"]);
      assert.equal(manifest.defaults.sampler, "flow_euler");
    },
  ));

Deno.test("links to files count as the files, as download caches lay them", () =>
  withCopy(
    async (folder) => {
      const file = join(folder, "unet/model.onnx");
      await rename(file, join(folder, "blob"));
      await symlink("../blob", file);
      await rm(join(folder, "shapefirst.json"));
    },
    async (folder) =>
      assert.equal(
        (await readModelPackage(folder)).manifest.digest,
        (await readModelPackage(mini)).manifest.digest,
      ),
  ));

const DAMAGED: readonly [string, (folder: string) => Promise<unknown>, RegExp][] = [
  [
    "a changed byte in the weights",
    async (folder) => {
      const file = join(folder, "vae_decoder/model.onnx");
      const bytes = await readFile(file);
      bytes[1000]! ^= 1;
      await writeFile(file, bytes);
    },
    /vae_decoder\/model\.onnx must be SHA-256 [0-9a-f]{64}, given [0-9a-f]{64}: the package is/,
  ],
  [
    "a cut file",
    (folder) => writeFile(join(folder, "unet/model.onnx"), "short"),
    /unet\/model\.onnx must be \d+ bytes, given 5 bytes/,
  ],
  [
    "a missing file",
    (folder) => rm(join(folder, "text_encoder/model.onnx")),
    /text_encoder\/model\.onnx must be present, given nothing/,
  ],
  [
    "a file nobody listed",
    (folder) => writeFile(join(folder, "unet/extra.bin"), "x"),
    /unet\/extra\.bin must be absent/,
  ],
  [
    "another pipeline",
    (folder) =>
      editJson(join(folder, "model_index.json"), (json) => json["_class_name"] = "FluxPipeline"),
    /model_index\.json: _class_name: must be one of StableDiffusionPipeline, .*PixArt.*, given "Flux/,
  ],
  [
    "a misspelt field",
    (folder) => editJson(join(folder, "shapefirst.json"), (json) => json["defualts"] = {}),
    /shapefirst\.json: defualts: /,
  ],
  [
    "broken JSON",
    (folder) => writeFile(join(folder, "shapefirst.json"), "{"),
    /shapefirst\.json is not valid JSON/,
  ],
];

for (const [name, change, sentence] of DAMAGED) {
  Deno.test(`readModelPackage names the file: ${name}`, () =>
    withCopy(
      async (folder) => void await change(folder),
      (folder) => assert.rejects(readModelPackage(folder), sentence),
    ));
}

Deno.test("a text part is read from its own two folders, and what is wrong there is named", () =>
  withCopy(
    async (folder) => {
      for (const name of ["tokenizer", "text_encoder"]) {
        await cp(join(folder, name), join(folder, `${name}_2`), { recursive: true });
      }
      const config = join(folder, "text_encoder_2/config.json");
      await editJson(config, (json) => json["max_position_embeddings"] = 16);
    },
    async (folder) => {
      const { text: [first] } = await readModelPackage(mini);
      const part = { ...first.part, tokenizer: "tokenizer_2", encoder: "text_encoder_2" };
      const second = await readTextPart(folder, part);
      assert.equal(second.graph, join(folder, "text_encoder_2/model.onnx"));
      assert.deepEqual(second.tokens, { ...first.tokens, max_length: 16 });
      const ids = second.tokenizer.tokenize("a blue bird").ids;
      assert.deepEqual(ids, first.tokenizer.tokenize("a blue bird").ids.slice(0, 16));
      await rm(join(folder, "tokenizer_2/tokenizer_config.json"));
      await assert.rejects(
        readTextPart(folder, part),
        /tokenizer_2\/tokenizer_config\.json is missing/,
      );
    },
  ));

Deno.test("an unsupported scheduler is a sentence with its file", () =>
  withCopy(
    async (folder) => {
      await rm(join(folder, "shapefirst.json"));
      const file = join(folder, "scheduler/scheduler_config.json");
      await editJson(file, (json) => json["thresholding"] = true);
    },
    (folder) =>
      assert.rejects(
        readModelPackage(folder),
        /scheduler_config\.json: scheduler_config\.thresholding must be false, given true/,
      ),
  ));

Deno.test("vocab.json and merges.txt make CLIP's tokenizer", () => {
  const vocab = Object.fromEntries(
    [
      "b",
      "i",
      "r",
      "d",
      "d</w>",
      "'s</w>",
      "'",
      "s</w>",
      "bi",
      "bir",
      "bird</w>",
      "2</w>",
      "<|startoftext|>",
      "<|endoftext|>",
    ]
      .map((token, id) => [token, id]),
  );
  const merges = "#version: 0.2\nb i\nbi r\nbir d</w>\n' s</w>\n";
  const json = clipTokenizerJson(vocab, merges);
  const tokenizer = createPromptTokenizer(json, {}, {
    max_length: 8,
    bos_token_id: 12,
    eos_token_id: 13,
    pad_token_id: 13,
    unk_token_id: null,
    causal: true,
  });
  const { ids, tokens } = tokenizer.tokenize("BIRD's  22");
  assert.deepEqual(ids, [12, 10, 5, 11, 11, 13, 13, 13]);
  assert.deepEqual(tokens.slice(1, 3).map(({ token }) => token), ["bird</w>", "'s</w>"]);
});

const SD1 = join(import.meta.dirname!, "../../tests/parity/fixtures/sd1/package");
const SPACES: readonly [given: Record<string, unknown>, first: number[] | undefined][] = [
  [{}, [0.3512, 0.2297, 0.3227]],
  [{ scaling_factor: 0.13025 }, undefined],
];
for (const [given, first] of SPACES) {
  const name = `with ${JSON.stringify(given)} previews have ${first ? "the family's" : "no"} map`;
  Deno.test(`a package of Stable Diffusion without a map to RGB: ${name}`, async () => {
    const folder = await mkdtemp(join(tmpdir(), "shapefirst-"));
    try {
      await cp(SD1, folder, { recursive: true });
      await editJson(join(folder, "vae_decoder/config.json"), (json) => Object.assign(json, given));
      await rm(join(folder, "shapefirst.json"), { force: true });
      const { manifest } = await readModelPackage(folder);
      assert.deepEqual(manifest.latent_rgb?.matrix[0], first);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
}
