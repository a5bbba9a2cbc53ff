// A package records its own files where it lies, and a broken package gets no seal.
import assert from "node:assert/strict";
import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readModelPackage } from "../../../gpu-function/packages/model_package.ts";
import { runModels } from "../models.ts";
import { recordedWorld } from "./fixtures/recorded_world.ts";
import { editJson, MINI, openWorkshop } from "./fixtures/small_package.ts";
import { readShapefirst } from "./shelf/shapefirst_file.ts";

Deno.test("sealing after a change records the new files and keeps everything else", async () => {
  await using shop = await openWorkshop();
  await cp(join(MINI, "shapefirst.json"), join(shop.source, "shapefirst.json"));
  await editJson(join(shop.source, "vae_decoder/config.json"), { scaling_factor: 0.5 });
  await assert.rejects(readModelPackage(shop.source), /vae_decoder\/config\.json must be/);
  assert.equal(await runModels(["seal", shop.source], recordedWorld()), 0);
  const { manifest, taps } = await readModelPackage(shop.source);
  const { manifest: mini } = await readModelPackage(MINI);
  assert.notEqual(manifest.digest, mini.digest);
  assert.deepEqual([manifest.description, manifest.latent_rgb], [
    mini.description,
    mini.latent_rgb,
  ]);
  assert.equal(taps.length, 8);
  assert.deepEqual(Object.keys(await readShapefirst(shop.source)).slice(-2), ["digest", "files"]);
});

Deno.test("a broken package keeps the record it had", async () => {
  await using shop = await openWorkshop();
  const record = join(shop.source, "shapefirst.json");
  await cp(join(MINI, "shapefirst.json"), record);
  await writeFile(join(shop.source, "unet/model.onnx"), "broken");
  const world = recordedWorld();
  assert.equal(await runModels(["seal", shop.source], world), 1);
  assert.match(world.complained.join("\n"), /^.*unet\/model\.onnx is no whole ONNX model/);
  assert.deepEqual(JSON.parse(await readFile(record, "utf8")), await readShapefirst(MINI));
});
