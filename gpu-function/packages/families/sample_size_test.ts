// Broken here: a model's size in a form that diffusers reads is refused, or height is taken for width.
import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readModelPackage } from "../model_package.ts";

const FIXTURES = join(import.meta.dirname!, "../../../tests/parity/fixtures");

async function withSampleSize(
  family: string,
  sample_size: unknown,
  use: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "shapefirst-"));
  try {
    await cp(join(FIXTURES, family, "package"), folder, { recursive: true });
    const part = family === "sd1" ? "unet" : "transformer";
    const file = join(folder, part, "config.json");
    const config = JSON.parse(await readFile(file, "utf8"));
    await writeFile(file, JSON.stringify({ ...config, sample_size }));
    await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

const READ: readonly [
  family: string,
  given: unknown,
  height: number,
  width: number,
  max: number,
][] = [
  ["sd1", 8, 64, 64, 128],
  ["sd1", [8, 8], 64, 64, 128],
  ["sd1", [8, 12], 64, 96, 192],
  ["sd1", [12, 8], 96, 64, 192],
  ["sd1", [200, 160], 1600, 1280, 2048],
  ["pixart", [8, 8], 64, 64, 128],
];

for (const [family, given, height, width, max] of READ) {
  Deno.test(`${family} with sample_size ${JSON.stringify(given)} draws ${width}x${height}`, () =>
    withSampleSize(family, given, async (folder) => {
      const { manifest: { defaults, size } } = await readModelPackage(folder);
      assert.deepEqual([defaults.height, defaults.width, size.max], [height, width, max]);
    }));
}

for (const given of [[8], [8, 8, 8], [], [8, 0], "8", 0, [8, 8.5], null]) {
  Deno.test(`sample_size ${JSON.stringify(given)} is refused`, () =>
    withSampleSize("sd1", given, (folder) =>
      assert.rejects(
        readModelPackage(folder),
        /^RangeError: .*\/unet\/config\.json: sample_size(\.1)?: (must be one whole number|Invalid)/,
      )));
}
