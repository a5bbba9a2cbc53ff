// Broken here: weights or tokens beside those that are read have no effect, and nobody is told.
import assert from "node:assert/strict";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { readModelPackage } from "../../../../gpu-function/packages/model_package.ts";
import { editJson, openWorkshop, TINY } from "../fixtures/small_package.ts";
import { unreadFiles } from "./unread_files.ts";

const OLD = "tokenizer/special_tokens_map.json";
const decoder = { added_tokens_decoder: { 672: { content: "<|startoftext|>", special: true } } };
const configOf = (folder: string, change: object) =>
  editJson(join(folder, "tokenizer/tokenizer_config.json"), change);

const CASES: readonly [
  name: string,
  files: readonly string[],
  unread: readonly string[],
  change?: (folder: string) => Promise<unknown>,
][] = [
  ["a plain package", [], []],
  ["weights beside a graph", ["unet/lora.safetensors"], ["unet/lora.safetensors"]],
  ["another precision", ["unet/model_fp16.onnx"], ["unet/model_fp16.onnx"]],
  ["a learned word in a format of its own", ["learned_embeds.bin"], ["learned_embeds.bin"]],
  ["a folder of another use", ["vae_encoder/model.onnx"], ["vae_encoder/"]],
  ["a checker without a graph", ["safety_checker/config.json"], ["safety_checker/"]],
  ["what people read", ["README.md", "LICENSE", "unet/README.md", ".gitattributes", "a.png"], []],
  ["special tokens", [OLD, "tokenizer/added_tokens.json"], []],
  ["special tokens that the configuration lists", [OLD], [OLD], (at) => configOf(at, decoder)],
  ["another tokenizer's file", ["tokenizer/spiece.model"], ["tokenizer/spiece.model"]],
  [
    "a vocabulary beside tokenizer.json",
    ["tokenizer/vocab.json", "tokenizer/merges.txt"],
    ["tokenizer/merges.txt", "tokenizer/vocab.json"],
  ],
  [
    "the VAE's configuration in its other place",
    [],
    [],
    async (folder) => {
      await mkdir(join(folder, "vae"));
      await rename(join(folder, "vae_decoder/config.json"), join(folder, "vae/config.json"));
    },
  ],
];

for (const [name, files, unread, change] of CASES) {
  Deno.test(`unreadFiles() of ${name}`, async () => {
    await using shop = await openWorkshop(TINY);
    for (const path of files) {
      await mkdir(join(shop.source, dirname(path)), { recursive: true });
      await writeFile(join(shop.source, path), "{}");
    }
    await change?.(shop.source);
    assert.deepEqual(await unreadFiles(await readModelPackage(shop.source)), unread);
  });
}
