// Every byte is read again, and every fault has its own sentence.
import assert from "node:assert/strict";
import { cp, open, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runModels } from "../models.ts";
import { recordedWorld } from "./fixtures/recorded_world.ts";
import { MINI, openWorkshop } from "./fixtures/small_package.ts";
import { readShapefirst, writeShapefirst } from "./shelf/shapefirst_file.ts";

async function verifyCopy(damage: (folder: string) => Promise<unknown>, ids: string[] = []) {
  await using shop = await openWorkshop();
  const folder = join(shop.models, "mini");
  await cp(MINI, folder, { recursive: true });
  await damage(folder);
  const world = recordedWorld();
  const code = await runModels(["verify", ...ids, "--models", shop.models], world);
  return { code, said: world.said, complained: world.complained };
}

async function flipByte(file: string, position: number): Promise<void> {
  const handle = await open(file, "r+");
  const { buffer } = await handle.read(new Uint8Array(1), 0, 1, position);
  await handle.write(buffer.map((byte) => byte ^ 1), 0, 1, position);
  await handle.close();
}

Deno.test("a sound model is verified by its id", async () => {
  const { code, said, complained } = await verifyCopy(() => Promise.resolve(), ["mini"]);
  assert.deepEqual([code, complained], [0, []]);
  assert.match(said.join("\n"), /^mini: 10 files as recorded, 24\.0 MB; a row took [\d.]+ ms$/);
});

Deno.test("each changed, cut, missing and unknown file is a sentence of its own", async () => {
  const { code, said, complained } = await verifyCopy(async (folder) => {
    await flipByte(join(folder, "unet/model.onnx"), 5_000_000);
    await writeFile(join(folder, "unet/config.json"), "{}");
    await rm(join(folder, "tokenizer/tokenizer.json"));
    await writeFile(join(folder, "vae_decoder/extra.bin"), "x");
  });
  assert.deepEqual([code, said], [1, []]);
  const expected = [
    /tokenizer\/tokenizer\.json is missing$/,
    /unet\/config\.json must be 132 bytes, given 2$/,
    /unet\/model\.onnx: SHA-256 must be [0-9a-f]{64}, given [0-9a-f]{64}$/,
    /vae_decoder\/extra\.bin is not recorded in shapefirst\.json$/,
  ];
  assert.equal(complained.length, expected.length);
  for (const [i, sentence] of expected.entries()) assert.match(complained[i]!, sentence);
});

Deno.test("a digest that is not that of the files is a fault", async () => {
  const { code, complained } = await verifyCopy(async (folder) =>
    await writeShapefirst(folder, { ...await readShapefirst(folder), digest: "0".repeat(64) })
  );
  assert.equal(code, 1);
  assert.match(complained.join("\n"), /^.*shapefirst\.json: digest must be .*, given 0{64}$/);
});

Deno.test("a package that records nothing cannot be verified", async () => {
  const { code, complained } = await verifyCopy((folder) => rm(join(folder, "shapefirst.json")));
  assert.equal(code, 1);
  assert.match(
    complained.join("\n"),
    /^.*shapefirst\.json records no files: `deno task models seal`/,
  );
});

Deno.test("a graph that loads but does not run is a fault, though its seal is whole", async () => {
  const { code, complained } = await verifyCopy(async (folder) => {
    // Another model's text encoder takes as many tokens and gives other states.
    await cp(join(MINI, "vae_decoder/model.onnx"), join(folder, "text_encoder/model.onnx"));
    await rm(join(folder, "shapefirst.json"));
    await runModels(["seal", folder], recordedWorld());
  });
  assert.equal(code, 1);
  assert.match(complained.join("\n"), /^.*text_encoder\/model\.onnx: input input_ids is missing/);
});

Deno.test("an id that is not there is answered with those that are", async () => {
  const { code, complained } = await verifyCopy(() => Promise.resolve(), ["maxi"]);
  assert.equal(code, 1);
  assert.match(complained.join("\n"), /has no model maxi, it has mini$/);
});
