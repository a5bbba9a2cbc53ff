// Broken here: a byte order mark or a pointer in a file's place is told as damage that nobody can see.
import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadModel, releaseModel } from "../engine/loading/loaded_model.ts";
import { loadImageProcessor } from "../image/image_processor.ts";
import { readModelPackage } from "./model_package.ts";

const FIXTURES = join(import.meta.dirname!, "../../tests/parity/fixtures");
const SD1 = join(FIXTURES, "sd1/package");
const EXTERNAL = join(FIXTURES, "sd1/variants/external_data");

async function withPackage(
  change: (folder: string) => Promise<unknown>,
  use: (folder: string) => Promise<unknown>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "shapefirst-"));
  try {
    await cp(SD1, folder, { recursive: true });
    await change(folder);
    await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

const UTF8 = Uint8Array.of(0xef, 0xbb, 0xbf);

function utf16(text: string, littleEndian: boolean): Uint8Array {
  const view = new DataView(new ArrayBuffer(2 + 2 * text.length));
  view.setUint16(0, 0xfeff, littleEndian);
  for (let i = 0; i < text.length; i++) {
    view.setUint16(2 + 2 * i, text.charCodeAt(i), littleEndian);
  }
  return new Uint8Array(view.buffer);
}

const MARKED = [
  "model_index.json",
  "tokenizer/tokenizer.json",
  "tokenizer/tokenizer_config.json",
  "scheduler/scheduler_config.json",
  "unet/config.json",
  "text_encoder/config.json",
  "vae_decoder/config.json",
];
const MARKS: readonly [string, (text: string) => Uint8Array][] = [
  ["UTF-8", (text) => Uint8Array.of(...UTF8, ...new TextEncoder().encode(text))],
  ["UTF-16, low byte first", (text) => utf16(text, true)],
  ["UTF-16, high byte first", (text) => utf16(text, false)],
];

for (const [encoding, encode] of MARKS) {
  Deno.test(`every JSON file may have a byte order mark: ${encoding}`, () =>
    withPackage(async (folder) => {
      for (const path of MARKED) {
        const file = join(folder, path);
        await writeFile(file, encode(await readFile(file, "utf8")));
      }
    }, async (folder) => {
      const { tokenizer } = await readModelPackage(folder);
      assert.deepEqual(tokenizer.tokenize("a").ids.slice(0, 3), [672, 320, 673]);
    }));
}

Deno.test("so may the file that says how a safety checker sees an image", async () => {
  const folder = await mkdtemp(join(tmpdir(), "shapefirst-"));
  try {
    const name = "preprocessor_config.json";
    const plain = await readFile(join(FIXTURES, "safety_checker/feature_extractor", name));
    await writeFile(join(folder, name), Uint8Array.of(...UTF8, ...plain));
    await loadImageProcessor(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
});

const POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0".repeat(64) +
  "\nsize 3438000000\n";
const EARLY = POINTER.replace("git-lfs.github.com", "hawser.github.com");

const POINTERS: readonly [path: string, text: string, external?: boolean][] = [
  ["model_index.json", POINTER],
  ["tokenizer/tokenizer.json", POINTER],
  ["unet/config.json", EARLY],
  ["unet/model.onnx", POINTER],
  ["text_encoder/model.onnx", POINTER],
  ["vae_decoder/model.onnx", EARLY],
  ["unet/model.onnx_data", POINTER, true],
];

for (const [path, text, external = false] of POINTERS) {
  Deno.test(`a Git LFS pointer is named as such: ${path}, ${text.slice(16, 24)}`, () =>
    withPackage(async (folder) => {
      if (external) await cp(EXTERNAL, folder, { recursive: true });
      await writeFile(join(folder, path), text);
    }, (folder) =>
      assert.rejects(async () => {
        const options = { executionProvider: "cpu", intraOpNumThreads: 1, exact: true };
        await releaseModel(await loadModel(await readModelPackage(folder), options));
      }, {
        name: "RangeError",
        message: `${join(folder, path)} is a Git LFS pointer, not the file itself: ` +
          "run `git lfs pull` where it was cloned",
      })));
}
