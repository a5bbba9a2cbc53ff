// A folder becomes a model, or one sentence says why it cannot and nothing is left over.
import assert from "node:assert/strict";
import { lstatSync, truncateSync } from "node:fs";
import { appendFile, cp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readModelPackage } from "../../../gpu-function/packages/model_package.ts";
import { runModels } from "../models.ts";
import { recordedWorld } from "./fixtures/recorded_world.ts";
import {
  editJson,
  GRAPHS,
  MINI,
  openWorkshop,
  TINY,
  type Workshop,
} from "./fixtures/small_package.ts";
import { OPSET_MAX } from "./graphs/graph_inspection.ts";
import { readShapefirst } from "./shelf/shapefirst_file.ts";

async function add(
  { source, models }: Pick<Workshop, "source" | "models">,
  args: readonly string[] = [],
  changes: Parameters<typeof recordedWorld>[0] = {},
) {
  const world = recordedWorld(changes);
  return { code: await runModels(["add", source, "--models", models, ...args], world), world };
}

Deno.test("a plain export becomes a model: digest, taps, fitted preview colours", async () => {
  await using shop = await openWorkshop();
  const { code, world } = await add(shop);
  assert.deepEqual([code, world.complained], [0, []]);
  assert.deepEqual(await shop.inside(), ["my-export"]);
  const folder = join(shop.models, "my-export");
  const { manifest, taps } = await readModelPackage(folder);
  assert.equal(manifest.digest, (await readModelPackage(MINI)).manifest.digest);
  assert.deepEqual([manifest.id, manifest.name, taps.length], ["my-export", "My Export", 8]);
  assert.equal(manifest.latent_rgb?.matrix.length, 12);
  const [cut] = manifest.cuts;
  assert(cut && cut.value === "add_51" && cut.compute > 0 && cut.compute < 0.6, `${cut?.compute}`);
  const [, r2 = ""] = world.said.join("\n").match(/fitted, R2 (\d\.\d+)/) ?? [];
  assert.ok(Number(r2) > 0.5, `R2 ${r2}`);
  const { digest, files } = await readShapefirst(folder);
  assert.deepEqual([digest, files?.length], [manifest.digest, 10]);
});

Deno.test("what shapefirst.json says stays, and --id renames", async () => {
  await using shop = await openWorkshop();
  await cp(join(MINI, "shapefirst.json"), join(shop.source, "shapefirst.json"));
  assert.equal((await add(shop, ["--id", "other"])).code, 0);
  const { manifest } = await readModelPackage(join(shop.models, "other"));
  const { manifest: mini } = await readModelPackage(MINI);
  assert.deepEqual({ ...manifest, id: "mini" }, mini);
});

Deno.test("--link leaves the weights where they are, and removing leaves them too", async () => {
  await using shop = await openWorkshop();
  assert.equal((await add(shop, ["--link"])).code, 0);
  assert.ok(lstatSync(join(shop.models, "my-export/unet")).isSymbolicLink());
  const verified = recordedWorld();
  assert.equal(await runModels(["verify", "--models", shop.models], verified), 0);
  const args = ["remove", "my-export", "--yes", "--models", shop.models];
  assert.equal(await runModels(args, recordedWorld()), 0);
  assert.deepEqual(await shop.inside(), []);
  assert.ok((await readFile(join(shop.source, "unet/model.onnx"))).length > 1_000_000);
});

Deno.test("an id that is taken is refused, and the model that has it stays", async () => {
  await using shop = await openWorkshop();
  await cp(MINI, join(shop.models, "elsewhere"), { recursive: true });
  const { code, world } = await add(shop, ["--id", "mini"]);
  assert.equal(code, 1);
  assert.match(world.complained.join(), /elsewhere is there already: give another --id/);
  assert.deepEqual(await shop.inside(), ["elsewhere"]);
});

const NAMES: readonly [folder: string, id: string | null][] = [
  ["模型", null],
  ["Модель", null],
  ["🐦", null],
  ["---", null],
  ["a".repeat(65), null],
  [`${"Stable-".repeat(10)}x`, null],
  ["Crème Brûlée", "cr-me-br-l-e"],
  ["模型 v2", "v2"],
  ["a".repeat(64), "a".repeat(64)],
];

for (const [name, ownId] of NAMES) {
  Deno.test(`a folder of any name is added: ${name}`, async () => {
    await using shop = await openWorkshop(TINY);
    const source = join(shop.source, "..", name);
    await rename(shop.source, source);
    const { code, world } = await add({ ...shop, source });
    assert.deepEqual(await shop.inside(), ownId === null ? [] : [ownId]);
    if (ownId === null) {
      assert.equal(code, 1);
      assert.match(
        world.complained.join(),
        /: its name makes no id of a model, which must be at most 64 .*: give one with --id, or as/,
      );
    }
    for (const flags of [["--id", "copied"], ["--id", "linked", "--link"]]) {
      const { code, world } = await add({ ...shop, source }, flags);
      assert.deepEqual([code, world.complained], [0, []]);
      const { manifest } = await readModelPackage(join(shop.models, flags[1] ?? ""));
      assert.deepEqual([manifest.id, manifest.name], [flags[1], name]);
    }
  });
}

Deno.test("--id goes before an id of the package that none can be, which is else named", async () => {
  await using shop = await openWorkshop(TINY);
  await writeFile(join(shop.source, "shapefirst.json"), JSON.stringify({ id: "模型" }));
  assert.match(
    (await add(shop)).world.complained.join(),
    /My Export\/shapefirst\.json: id must be at most 64 lower-case .*, given "模型"$/,
  );
  assert.equal((await add(shop, ["--id", "moxing"])).code, 0);
  assert.deepEqual(await shop.inside(), ["moxing"]);
});

const unet = (shop: Workshop) => join(shop.source, "unet/model.onnx");

/** Protobuf merges this message into the graph: one weight that lies in another file. */
function externalWeight(location: string, length: number): Uint8Array {
  const field = (number: number, bytes: readonly number[]) => [
    (number << 3) | 2,
    bytes.length,
    ...bytes,
  ];
  const text = (number: number, value: string) =>
    field(number, [...new TextEncoder().encode(value)]);
  const entry = (key: string, value: string) => field(13, [...text(1, key), ...text(2, value)]);
  const tensor = [...entry("location", location), ...entry("length", String(length))];
  return Uint8Array.from(field(7, field(5, tensor)));
}

const FAULTS: readonly [
  name: string,
  damage: (shop: Workshop) => Promise<unknown> | void,
  sentence: RegExp,
][] = [
  [
    "a missing graph",
    ({ source }) => rm(join(source, "vae_decoder/model.onnx")),
    /vae_decoder\/model\.onnx is missing$/,
  ],
  [
    "a missing configuration",
    ({ source }) => rm(join(source, "unet/config.json")),
    /unet\/config\.json is missing$/,
  ],
  [
    "no package at all",
    ({ source }) => rm(join(source, "model_index.json")),
    /model_index\.json is missing$/,
  ],
  [
    "a truncated graph",
    (shop) => truncateSync(unet(shop), 5_000_000),
    /unet\/model\.onnx is no whole ONNX model: it is cut: a field at byte \d+ lacks \d+ bytes$/,
  ],
  [
    "a graph that is something else",
    (shop) => writeFile(unet(shop), "<html><title>Not found</title></html>"),
    /unet\/model\.onnx is no whole ONNX model: /,
  ],
  [
    "a Git LFS pointer",
    (shop) => writeFile(unet(shop), "version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
    /unet\/model\.onnx is a Git LFS pointer, not the file itself: run `git lfs pull` where it/,
  ],
  [
    "a graph of another model",
    (shop) => cp(join(GRAPHS, "timestep_per_row_int64.onnx"), unet(shop)),
    /My Export\/unet\/model\.onnx: input sample must have shape \[any, 12, any, any\], given/,
  ],
  [
    "configurations of two models",
    ({ source }) => editJson(join(source, "unet/config.json"), { in_channels: 16 }),
    /unet\/config\.json: in_channels must be the VAE's latent_channels, 12, given 16$/,
  ],
  [
    "a wrong digest",
    ({ source }) =>
      writeFile(join(source, "shapefirst.json"), JSON.stringify({ digest: "0".repeat(64) })),
    /My Export\/shapefirst\.json: digest must be that of the package's files, .*, given 0{64}$/,
  ],
  [
    "an unknown pipeline class",
    ({ source }) => editJson(join(source, "model_index.json"), { _class_name: "FluxPipeline" }),
    /model_index\.json: _class_name: .*"FluxPipeline"$/,
  ],
  [
    "an opset too new",
    async (shop) => {
      // The operator set's version is the last byte of the file.
      const graph = await readFile(join(GRAPHS, "timestep_per_row_int64.onnx"));
      graph[graph.length - 1] = OPSET_MAX + 1;
      await writeFile(unet(shop), graph);
    },
    /unet\/model\.onnx: opset must be at most 26, given 27: export it for an older one$/,
  ],
  [
    "weights in a file that is missing",
    (shop) => appendFile(unet(shop), externalWeight("model.onnx_data", 100)),
    /unet\/model\.onnx_data is missing, which holds weights of .*unet\/model\.onnx$/,
  ],
  [
    "weights in a file that is cut",
    async (shop) => {
      await appendFile(unet(shop), externalWeight("model.onnx_data", 100));
      await writeFile(`${unet(shop)}_data`, new Uint8Array(99));
    },
    /unet\/model\.onnx_data must be at least 100 bytes for the weights of .*, given 99$/,
  ],
  [
    "weights outside of the package",
    (shop) => appendFile(unet(shop), externalWeight("../../secret", 1)),
    /unet\/model\.onnx: weights must be in a file beside it, given "\.\.\/\.\.\/secret"$/,
  ],
];

for (const [name, damage, sentence] of FAULTS) {
  Deno.test(`add says in one sentence what is wrong, and adds nothing: ${name}`, async () => {
    await using shop = await openWorkshop();
    await damage(shop);
    const { code, world } = await add(shop);
    assert.equal(code, 1);
    assert.equal(world.complained.length, 1);
    assert.match(world.complained[0]!, sentence);
    assert.deepEqual([world.said, await shop.inside()], [[], []]);
  });
}

Deno.test("a full disk is noticed before anything is copied", async () => {
  await using shop = await openWorkshop();
  const { code, world } = await add(shop, [], { freeBytes: () => Promise.resolve(1_000) });
  assert.equal(code, 1);
  assert.match(world.complained.join(), /has 1\.0 kB free, 24\.0 MB are needed$/);
  assert.deepEqual(await shop.inside(), []);
});

Deno.test("an interrupt while copying leaves nothing", async () => {
  await using shop = await openWorkshop();
  const interrupt = new AbortController();
  const { code } = await add(shop, [], {
    signal: interrupt.signal,
    freeBytes: () => {
      interrupt.abort();
      return Promise.resolve(1e12);
    },
  });
  assert.equal(code, 130);
  assert.deepEqual(await shop.inside(), []);
});

Deno.test("what a killed add left is no model, and the next add clears it away", async () => {
  await using shop = await openWorkshop();
  const dead = new Deno.Command(Deno.execPath(), { args: ["--version"], stdout: "null" }).spawn();
  await dead.status;
  await cp(MINI, join(shop.models, ".adding", `${dead.pid}-x`, "mini"), { recursive: true });
  const world = recordedWorld();
  assert.equal(await runModels(["list", "--json", "--models", shop.models], world), 0);
  assert.deepEqual(JSON.parse(world.said.join()), { models: [] });
  assert.equal((await add(shop)).code, 0);
  assert.deepEqual(await shop.inside(), ["my-export"]);
});
