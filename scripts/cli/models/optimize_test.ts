// A second package with fewer matrices appears beside the first, or one sentence says why not.
import assert from "node:assert/strict";
import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readModelPackage } from "../../../gpu-function/packages/model_package.ts";
import { runModels } from "../models.ts";
import { recordedWorld } from "./fixtures/recorded_world.ts";
import { MINI, openWorkshop, readFiles, TINY } from "./fixtures/small_package.ts";
import { readOnnxGraph } from "../../../gpu-function/onnx/graph_file/onnx_graph.ts";

async function withMini(
  work: (models: string, inside: () => Promise<string[]>) => Promise<void>,
  material = MINI,
) {
  await using shop = await openWorkshop();
  await cp(material, join(shop.models, "mini"), { recursive: true });
  await work(shop.models, shop.inside);
}

async function optimize(
  models: string,
  args: readonly string[] = ["mini"],
  changes: Parameters<typeof recordedWorld>[0] = {},
) {
  const world = recordedWorld(changes);
  return { world, code: await runModels(["optimize", ...args, "--models", models], world) };
}

Deno.test("mini gets a second package: id, name and digest of its own, all else as it was", () =>
  withMini(async (models) => {
    const { code, world } = await optimize(models);
    assert.deepEqual([code, world.complained], [0, []]);
    assert.equal(
      world.said[0],
      "unet/model.onnx: 8 of 16 attentions become one operator; " +
        "8 over the text stay, which insights read",
    );
    const before = await readModelPackage(join(models, "mini"));
    const after = await readModelPackage(join(models, "mini-fused"));
    assert.notEqual(after.manifest.digest, before.manifest.digest);
    assert.deepEqual(after.taps, before.taps);
    const { id, name, digest: _, ...rest } = after.manifest;
    assert.deepEqual([id, name], ["mini-fused", "Mini, fused attention"]);
    const { id: _id, name: _name, digest: _digest, ...expected } = before.manifest;
    assert.deepEqual(rest, expected);
    const files = await readFiles(join(models, "mini-fused"));
    for (const [path, bytes] of await readFiles(join(models, "mini"))) {
      if (["unet/model.onnx", "shapefirst.json", "reference.json"].includes(path)) continue;
      assert.deepEqual(files.get(path), bytes, path);
    }
    assert.equal(await runModels(["verify", "--models", models], recordedWorld()), 0);
  }));

Deno.test("--id names the package, and a VAE with attention stays as it was", () =>
  withMini(async (models) => {
    const { code, world } = await optimize(models, ["mini", "--id", "small"]);
    assert.equal(code, 0);
    assert.match(world.said[0]!, /^unet\/model\.onnx: 4 of 8 attentions become one operator; 4 /);
    const path = "vae_decoder/model.onnx";
    const { nodes } = readOnnxGraph(join(models, "small", path));
    assert.equal(nodes.filter(({ op }) => op === "Softmax").length, 1);
    assert.deepEqual(
      await readFile(join(models, "small", path)),
      await readFile(join(models, "mini", path)),
    );
  }, TINY));

Deno.test("an optimized package has nothing left to rewrite, and says so", () =>
  withMini(async (models, inside) => {
    assert.equal((await optimize(models)).code, 0);
    const { code, world } = await optimize(models, ["mini-fused"]);
    assert.equal(code, 1);
    assert.deepEqual(world.complained, [
      "mini-fused has no attention to rewrite: 8 are over the text, which insights read, " +
      "and 0 are masked or in a form that is not known",
    ]);
    assert.deepEqual(await inside(), ["mini", "mini-fused"]);
  }));

Deno.test("an id that is taken, and a model that is not there, are refused", () =>
  withMini(async (models, inside) => {
    const taken = await optimize(models, ["mini", "--id", "mini"]);
    assert.match(taken.world.complained.join(), /mini is there already: give another --id/);
    const absent = await optimize(models, ["maxi"]);
    assert.match(absent.world.complained.join(), /has no model maxi, it has mini$/);
    assert.deepEqual([taken.code, absent.code, await inside()], [1, 1, ["mini"]]);
  }));

Deno.test("damaged weights get no new seal, and nothing is left over", () =>
  withMini(async (models, inside) => {
    // Of a large package only sizes are compared when it is read.
    await writeFile(join(models, "mini/unet/large.bin"), new Uint8Array(65 * 1024 * 1024));
    assert.equal(await runModels(["seal", join(models, "mini")], recordedWorld()), 0);
    const file = join(models, "mini/vae_decoder/model.onnx");
    const bytes = await readFile(file);
    bytes[bytes.length - 100]! ^= 1;
    await writeFile(file, bytes);
    const { code, world } = await optimize(models);
    assert.equal(code, 1);
    assert.match(world.complained.join(), /vae_decoder\/model\.onnx: SHA-256 must be/);
    assert.deepEqual(await inside(), ["mini"]);
  }));

Deno.test("a full disk is noticed first, and an interrupt leaves nothing", () =>
  withMini(async (models, inside) => {
    const full = await optimize(models, ["mini"], { freeBytes: () => Promise.resolve(1_000) });
    assert.match(full.world.complained.join(), /has 1\.0 kB free, 24\.0 MB are needed$/);
    const interrupt = new AbortController();
    const { code } = await optimize(models, ["mini"], {
      signal: interrupt.signal,
      freeBytes: () => {
        interrupt.abort();
        return Promise.resolve(1e12);
      },
    });
    assert.deepEqual([full.code, code, await inside()], [1, 130, ["mini"]]);
  }));
