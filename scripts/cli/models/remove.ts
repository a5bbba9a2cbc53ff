/** `models remove`: takes a model out of the folder, then deletes it. */
import { existsSync, realpathSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { modelsFolder } from "../../command_line/models_folder.ts";
import { parseStrictly, UsageError } from "../../command_line/command_line.ts";
import type { Command, World } from "./command.ts";
import { findEntry, readShelf } from "./shelf/shelf.ts";
import { removeIfEmpty } from "./shelf/staging.ts";

const REMOVING = ".removing";

/** @param embedded folder of the package in this repository */
export function createRemove(embedded: string): Command {
  return {
    summary: "deletes a model",
    help: `Usage: deno task models remove <id> [flags]

Deletes a model from the models folder; asks before. What a linked model links to stays.
  --models <folder>  models folder, default MODELS_DIR or the embedded one
  --yes              do not ask
  --force            also the embedded model, which start, tests and examples need`,

    async run(args, world) {
      const { values, positionals: [id, ...more] } = parseStrictly(args, {
        models: { type: "string" },
        yes: { type: "boolean" },
        force: { type: "boolean" },
      });
      if (id === undefined || more.length > 0) {
        throw new UsageError("Give the id of exactly one model; see --help");
      }
      const modelsDir = String(values["models"] ?? modelsFolder());
      const { folder } = findEntry(await readShelf(modelsDir), id, modelsDir);
      if (!values["force"] && isSame(folder, embedded)) {
        throw new RangeError(`${id} is the embedded model, which tests need; --force removes it`);
      }
      if (!values["yes"] && !confirm(`Delete ${folder}?`, world)) {
        world.complain(`${id} stays`);
        return 1;
      }
      await removeFolder(modelsDir, folder);
      world.say(`${id} is removed`);
      return 0;
    },
  };
}

function isSame(a: string, b: string): boolean {
  return existsSync(b) && realpathSync(a) === realpathSync(b);
}

function confirm(question: string, { ask }: World): boolean {
  if (ask) return ask(question);
  throw new UsageError("Nobody can be asked here: give --yes to delete");
}

/** Moves the folder away first, so that an interrupted deletion leaves no half model. */
async function removeFolder(modelsDir: string, folder: string): Promise<void> {
  const parent = join(modelsDir, REMOVING);
  await mkdir(parent, { recursive: true });
  const doomed = join(parent, crypto.randomUUID());
  await rename(folder, doomed);
  await rm(doomed, { recursive: true });
  await removeIfEmpty(parent);
}
