/**
 * Records the files of a model package, with sizes, hashes and digest, in its `shapefirst.json`.
 * Run it after weights or configuration changed. `deno run -A scripts/seal_model.ts <folder>`
 */
import { join } from "node:path";
import { digestOf, hashPackage } from "../gpu-function/package_digest.ts";
import { readModelPackage } from "../gpu-function/model_package.ts";

const [folder] = Deno.args;
if (!folder || Deno.args.length > 1) {
  console.error("Usage: deno run -A scripts/seal_model.ts <folder of the model package>");
  Deno.exit(2);
}
const file = join(folder, "shapefirst.json");
const before = JSON.parse(await Deno.readTextFile(file));
const files = await hashPackage(folder);
const sealed = { ...before, digest: digestOf(files), files };
const temporary = `${file}.${Deno.pid}.tmp`;
await Deno.writeTextFile(temporary, JSON.stringify(sealed, null, 2) + "\n");
await Deno.rename(temporary, file);
const { manifest } = await readModelPackage(folder);
console.log(`${manifest.id}: ${files.length} files, digest ${manifest.digest}`);
