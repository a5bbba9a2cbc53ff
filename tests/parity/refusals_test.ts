/** A package that does not fit is refused at load with a sentence that names the file. */
import assert from "node:assert/strict";
import { copyFile, cp, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseGenerationRequest, planGeneration } from "../../contract/mod.ts";
import { FIXTURES, readGoldens } from "./goldens.ts";
import { withModel } from "./observed_run.ts";
import { withPackageCopy } from "./package_copy.ts";

async function editJson(file: string, fields: object): Promise<void> {
  const json = JSON.parse(await Deno.readTextFile(file));
  await writeFile(file, JSON.stringify({ ...json, ...fields }));
}

const MINI = join(import.meta.dirname ?? ".", "../../gpu-function/models/mini");
const ENCODER = "text_encoder/model.onnx";
const from = (family: string, path: string) => (folder: string) =>
  copyFile(join(FIXTURES, family, "package", path), join(folder, path));

/**
 * Appends ModelProto.opset_import (field 8) with OperatorSetIdProto.version (field 2) to the file.
 * In a protobuf the last value counts.
 */
async function raiseOpset(file: string): Promise<void> {
  const bytes = await Deno.readFile(file);
  await writeFile(file, Uint8Array.of(...bytes, 0x42, 0x02, 0x10, 0x63));
}

const REFUSED: readonly [string, string, (folder: string) => Promise<unknown>, RegExp][] = [
  [
    "a graph that is missing",
    "pixart",
    (folder) => rm(join(folder, "transformer/model.onnx")),
    /transformer\/model\.onnx is missing$/,
  ],
  [
    "a cut graph",
    "sd1",
    (folder) => truncate(join(folder, "unet/model.onnx"), 100_000),
    /unet\/model\.onnx: onnxruntime cannot load this file: Protobuf parsing failed\.$/,
  ],
  [
    "an opset too new",
    "sd1",
    (folder) => raiseOpset(join(folder, "vae_decoder/model.onnx")),
    /vae_decoder\/model\.onnx: onnxruntime cannot load this file: .*opset.* 99/i,
  ],
  [
    "the text encoder of another model",
    "sd1",
    (folder) => copyFile(join(MINI, ENCODER), join(folder, ENCODER)),
    /text_encoder\/model\.onnx: input input_ids must have shape \[any, 77\], given \[any, 32\]$/,
  ],
  [
    "text states of another width than the denoiser's",
    "sd1",
    async (folder) => {
      for (const part of ["text_encoder", "tokenizer"]) {
        await cp(join(MINI, part), join(folder, part), { recursive: true });
      }
    },
    /unet\/model\.onnx: input encoder_hidden_states must have shape \[any, any, 192\], given .* 16\]$/,
  ],
  [
    "a transformer that is told no size, where the configuration asks for it",
    "pixart_sizes",
    from("pixart", "transformer/model.onnx"),
    /transformer\/model\.onnx: input resolution is missing, the file has hidden_states, /,
  ],
  [
    "a transformer that asks for the size, where the configuration does not",
    "pixart",
    from("pixart_sizes", "transformer/model.onnx"),
    /transformer\/model\.onnx: input resolution is not one this engine can feed$/,
  ],
  [
    "channels that are no variance",
    "pixart",
    (folder) => editJson(join(folder, "transformer/config.json"), { out_channels: 4 }),
    /output out_hidden_states must have shape \[any, 4, any, any\], given \[any, 8, any, any\]/,
  ],
  [
    "an unknown pipeline",
    "sd1",
    (folder) => editJson(join(folder, "model_index.json"), { _class_name: "FluxPipeline" }),
    /model_index\.json: _class_name: must be one of .*PixArtAlphaPipeline, given "FluxPipeline"$/,
  ],
  [
    "a tokenizer in sentencepiece's format alone",
    "pixart",
    async (folder) => {
      await rm(join(folder, "tokenizer/tokenizer.json"));
      await writeFile(join(folder, "tokenizer/spiece.model"), "");
    },
    /tokenizer\/tokenizer\.json is missing, and spiece\.model cannot be read in its place: add the /,
  ],
  [
    "no tokenizer at all",
    "sd1",
    (folder) => rm(join(folder, "tokenizer/tokenizer.json")),
    /tokenizer\/vocab\.json is missing$/,
  ],
];

for (const [name, family, change, sentence] of REFUSED) {
  Deno.test(`refused at load: ${name}`, () =>
    withPackageCopy(family, { change }, (modelsDir) =>
      assert.rejects(
        withModel(join(modelsDir, "package"), () => Promise.resolve()),
        (error) => {
          assert.ok(error instanceof RangeError);
          assert.match(error.message, sentence);
          assert.ok(!error.message.includes("\n"));
          return true;
        },
      )));
}

Deno.test("refused at load: external weights that are missing", async () => {
  const variant = (await readGoldens("sd1")).variants.find(({ name }) => name === "external_data");
  assert.ok(variant);
  const change = (folder: string) => rm(join(folder, "unet/model.onnx_data"));
  await withPackageCopy("sd1", { variant, change }, (modelsDir) =>
    assert.rejects(
      withModel(join(modelsDir, "package"), () => Promise.resolve()),
      /unet\/model\.onnx: onnxruntime cannot load this file: .*model\.onnx_data/,
    ));
});

Deno.test("T5 has no causal [EOS], so swapping it is refused with the reason", () =>
  withModel(join(FIXTURES, "pixart/package"), (model) => {
    const request = parseGenerationRequest({
      prompt: "a blue bird",
      seed: 1,
      eos_swap: { prompt: "a brown chair" },
    });
    assert.ok(request.ok);
    const plan = planGeneration({ ...request.value, seed: 1 }, model);
    assert.ok(!plan.ok);
    assert.match(plan.problem.detail, /^eos_swap must be absent .*no causal \[EOS\]/);
    return Promise.resolve();
  }));
