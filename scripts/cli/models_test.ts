// Every command has help, and answers wrong arguments with one sentence and exit code 2.
import assert from "node:assert/strict";
import { cp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runModels } from "./models.ts";
import { recordedWorld } from "./models/fixtures/recorded_world.ts";
import { MINI, openWorkshop } from "./models/fixtures/small_package.ts";

const COMMANDS = ["list", "add", "verify", "pull", "seal", "optimize", "remove"];

for (const args of [[], ...COMMANDS.map((name) => [name])]) {
  Deno.test(`models ${[...args, "--help"].join(" ")} explains itself`, async () => {
    const world = recordedWorld();
    assert.equal(await runModels([...args, "--help"], world), 0);
    assert.match(world.said.join("\n"), /^Usage: deno task models /);
    assert.deepEqual(world.complained, []);
  });
}

const WRONG: readonly (readonly [args: readonly string[], sentence: RegExp])[] = [
  [
    [],
    /^Give one of list, add, verify, pull, seal, optimize, cuts, remove, given none; see --help$/,
  ],
  [["fetch"], /given "fetch"; see --help$/],
  ...COMMANDS.map((name) => [[name, "--fast"], /^Unknown option '--fast'; see --help$/] as const),
  [["list", "mini"], /^list takes flags only, given mini/],
  [["add"], /^Give exactly one folder, given 0/],
  [["add", "a", "b"], /^Give exactly one folder, given 2/],
  [["add", "a", "--id", "My Model"], /^--id must be .*, given "My Model"$/],
  [["pull", "mini"], /^A repository must be <owner>\/<name>\[@<revision>\], given mini$/],
  [["pull", "a/b", "--subfolder", "../c"], /^--subfolder must be a path in the repository/],
  [["remove"], /^Give the id of exactly one model/],
  [["optimize"], /^Give the id of exactly one model/],
  [["optimize", "a", "--id", "A"], /^--id must be .*, given "A"$/],
  [["seal"], /^Give exactly one folder of a model package/],
];

for (const [args, sentence] of WRONG) {
  Deno.test(`models ${args.join(" ")} is one sentence and exit code 2`, async () => {
    const world = recordedWorld();
    assert.equal(await runModels(args, world), 2);
    assert.equal(world.complained.length, 1);
    assert.match(world.complained[0]!, sentence);
    assert.deepEqual(world.said, []);
  });
}

Deno.test("list shows each model, and a sentence for what is none", async () => {
  await using shop = await openWorkshop();
  for (const name of ["a", "b"]) await cp(MINI, join(shop.models, name), { recursive: true });
  await writeFile(join(shop.models, "b/shapefirst.json"), "{");
  const world = recordedWorld();
  assert.equal(await runModels(["list", "--models", shop.models], world), 1);
  assert.match(world.said[0]!, /^id +pipeline +size +digest +defaults +taps +latent->RGB$/);
  assert.match(
    world.said[1]!,
    /^mini +StableDiffusionPipeline +24\.0 MB +[0-9a-f]{12} +128x128, 50 steps of ddim, guidance 5 /,
  );
  assert.equal(world.said.length, 2);
  assert.match(world.complained.join("\n"), /^.*b\/shapefirst\.json is not valid JSON$/);
  const json = recordedWorld();
  await runModels(["list", "--json", "--models", shop.models], json);
  const [model] = JSON.parse(json.said.join("\n")).models;
  assert.deepEqual([model.id, model.digest.length, model.latent_rgb], ["mini", 64, true]);
});

Deno.test("a models folder that is not there is a sentence", async () => {
  const world = recordedWorld();
  assert.equal(await runModels(["list", "--models", "/nowhere/at/all"], world), 1);
  assert.deepEqual(world.complained, ["/nowhere/at/all does not exist"]);
});

Deno.test("as a process: the sentence on stderr, the exit code of the command", async () => {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", join(import.meta.dirname!, "models.ts"), "list", "--fast"],
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  assert.deepEqual([code, text(stdout), text(stderr)], [
    2,
    "",
    "Unknown option '--fast'; see --help",
  ]);
});
