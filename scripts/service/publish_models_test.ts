// If this breaks, planning lacks a model's files, or publishing them disturbs a running edge.
import assert from "node:assert/strict";
import { cp, stat } from "node:fs/promises";
import { join } from "node:path";
import { ROOT } from "../checkout.ts";
import { publishModels } from "./publish_models.ts";

Deno.test("publishModels() touches nothing that is as it should be, and replaces what is not", async () => {
  const folder = await Deno.makeTempDir();
  const [modelsDir, dist] = [join(folder, "models"), join(folder, "dist")];
  const add = (id: string, family: string) =>
    cp(`${ROOT}tests/parity/fixtures/${family}/package`, join(modelsDir, id), { recursive: true });
  const inode = async () => (await stat(join(dist, "models"))).ino;
  await Deno.mkdir(dist);
  await add("a", "sd1");
  assert.deepEqual(await publishModels(modelsDir, dist), ["a"]);
  const first = await inode();
  await publishModels(modelsDir, dist);
  assert.equal(await inode(), first);

  await add("b", "pixart");
  assert.deepEqual(await publishModels(modelsDir, dist), ["a", "b"]);
  const second = await inode();
  assert.notEqual(second, first);
  const index = join(dist, "models", "index.json");
  assert.deepEqual(JSON.parse(await Deno.readTextFile(index)), { models: ["a", "b"] });

  await Deno.writeTextFile(join(dist, "models", "a", "manifest.json"), "{}");
  await publishModels(modelsDir, dist);
  const manifest = JSON.parse(
    await Deno.readTextFile(join(dist, "models", "a", "manifest.json")),
  );
  assert.equal(manifest.id, "a");

  // What the GPU function will put aside is not offered, and what it serves still is.
  await Deno.mkdir(join(modelsDir, "c"));
  await Deno.writeTextFile(join(modelsDir, "c", "model_index.json"), "{");
  await Deno.mkdir(join(modelsDir, "d", "model_index.json"), { recursive: true });
  assert.deepEqual(await publishModels(modelsDir, dist), ["a", "b"]);
  await Deno.remove(join(modelsDir, "b"), { recursive: true });
  assert.deepEqual(await publishModels(modelsDir, dist), ["a"]);
  await assert.rejects(stat(join(dist, "models", "b")));
  await Deno.remove(folder, { recursive: true });
});
