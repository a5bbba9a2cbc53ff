/** Records a package's files in its `shapefirst.json`, and finds deviations from the record. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  digestOf,
  hashPackage,
  type PackageFile,
} from "../../../../gpu-function/packages/package_digest.ts";
import { readShapefirst, type ShapefirstJson } from "./shapefirst_file.ts";

/** Returns `shapefirst.json` content that records exactly these files, the long list last. */
export function withSeal(
  content: ShapefirstJson,
  files: readonly PackageFile[],
): ShapefirstJson {
  const { digest: _digest, files: _files, ...rest } = content;
  return { ...rest, digest: digestOf(files), files };
}

/** @throws RangeError when the folder is not a package */
export async function hashFolder(folder: string): Promise<PackageFile[]> {
  const index = join(folder, "model_index.json");
  if (!existsSync(index)) throw new RangeError(`${index} is missing`);
  return await hashPackage(folder);
}

/**
 * Returns one sentence per file that differs from the record, and one for a digest that differs
 * from that of the files. Unlike loading, this reads every byte, whatever the size.
 */
export async function sealFaults(
  folder: string,
  present: readonly PackageFile[],
): Promise<string[]> {
  const { files: recorded, digest } = await readShapefirst(folder);
  const where = join(folder, "shapefirst.json");
  const faults = recorded ? compareFiles(folder, present, recorded) : [];
  const wanted = digestOf(recorded ?? present);
  if (digest !== undefined && digest !== wanted) {
    faults.push(`${where}: digest must be that of the files, ${wanted}, given ${digest}`);
  }
  return faults;
}

function compareFiles(
  folder: string,
  present: readonly PackageFile[],
  recorded: readonly PackageFile[],
): string[] {
  const faults: string[] = [];
  for (const { path, bytes, sha256 } of recorded) {
    const found = present.find((file) => file.path === path);
    const file = join(folder, path);
    if (!found) faults.push(`${file} is missing`);
    else if (found.bytes !== bytes) {
      faults.push(`${file} must be ${bytes} bytes, given ${found.bytes}`);
    } else if (found.sha256 !== sha256) {
      faults.push(`${file}: SHA-256 must be ${sha256}, given ${found.sha256}`);
    }
  }
  for (const { path } of present) {
    if (recorded.some((file) => file.path === path)) continue;
    faults.push(`${join(folder, path)} is not recorded in shapefirst.json`);
  }
  return faults;
}
