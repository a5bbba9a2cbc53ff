// Deleting asks first, and the embedded model needs force.
import assert from "node:assert/strict";
import { cp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { UsageError } from "../../command_line/command_line.ts";
import { recordedWorld } from "./fixtures/recorded_world.ts";
import { MINI, openWorkshop } from "./fixtures/small_package.ts";
import { createRemove } from "./remove.ts";

/** Removes from a copy of the embedded package, which stands for the embedded one itself. */
async function removing(
  test: (
    run: (...args: string[]) => Promise<number>,
    inside: () => Promise<string[]>,
  ) => Promise<void>,
  changes: Parameters<typeof recordedWorld>[0] = {},
  embedded = "nowhere",
): Promise<void> {
  await using shop = await openWorkshop();
  await cp(MINI, join(shop.models, "mini"), { recursive: true });
  const command = createRemove(join(shop.models, embedded));
  const run = (...args: string[]) =>
    command.run([...args, "--models", shop.models], recordedWorld(changes));
  await test(run, shop.inside);
}

Deno.test("remove asks, and a no keeps the model", () => {
  const questions: string[] = [];
  const ask = (question: string) => questions.push(question) > 1; // no, then yes
  return removing(async (run, inside) => {
    assert.equal(await run("mini"), 1);
    assert.deepEqual(await inside(), ["mini"]);
    assert.equal(await run("mini"), 0);
    assert.deepEqual(await inside(), []);
    assert.match(questions.join(), /^Delete .*models\/mini\?,Delete /);
  }, { ask });
});

Deno.test("where nobody can answer, only --yes removes", () =>
  removing(async (run, inside) => {
    await assert.rejects(run("mini"), UsageError);
    assert.deepEqual(await inside(), ["mini"]);
    assert.equal(await run("mini", "--yes"), 0);
    assert.deepEqual(await inside(), []);
  }));

Deno.test("the embedded model is removed by force alone", () =>
  removing(
    async (run, inside) => {
      await assert.rejects(run("mini", "--yes"), /^RangeError: mini is the embedded model/);
      assert.deepEqual(await inside(), ["mini"]);
      assert.equal(await run("mini", "--yes", "--force"), 0);
      assert.deepEqual(await inside(), []);
    },
    {},
    "mini",
  ));

Deno.test("a package that cannot be read can be removed", async () => {
  await using shop = await openWorkshop();
  await cp(MINI, join(shop.models, "broken"), { recursive: true });
  await writeFile(join(shop.models, "broken/shapefirst.json"), "{");
  const args = ["broken", "--yes", "--models", shop.models];
  assert.equal(await createRemove("nowhere").run(args, recordedWorld()), 0);
  assert.deepEqual(await shop.inside(), []);
});
