/** Lists the packages of a models folder, sound or not. */
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import {
  listPackages,
  type ModelPackage,
  readModelPackage,
} from "../../../../gpu-function/packages/model_package.ts";
import { readShapefirst } from "./shapefirst_file.ts";

export interface ShelfEntry {
  readonly folder: string;
  /** Id that the package gives itself; its folder's name where it cannot be read. */
  readonly id: string;
  /** Null when there is a fault. */
  readonly modelPackage: ModelPackage | null;
  readonly fault: string | null;
}

/** @throws RangeError when there is no such folder */
export async function readShelf(modelsDir: string): Promise<ShelfEntry[]> {
  if (!existsSync(modelsDir)) throw new RangeError(`${modelsDir} does not exist`);
  const entries: ShelfEntry[] = [];
  for (const folder of await listPackages(modelsDir)) entries.push(await readEntry(folder));
  return entries;
}

async function readEntry(folder: string): Promise<ShelfEntry> {
  try {
    const modelPackage = await readModelPackage(folder);
    return { folder, id: modelPackage.manifest.id, modelPackage, fault: null };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { folder, id: await guessId(folder), modelPackage: null, fault: error.message };
  }
}

async function guessId(folder: string): Promise<string> {
  const { id } = await readShapefirst(folder).catch(() => ({ id: undefined }));
  return id ?? basename(folder);
}

/** @throws RangeError that names the ids there are */
export function findEntry(shelf: readonly ShelfEntry[], id: string, modelsDir: string): ShelfEntry {
  const entry = shelf.find((candidate) => candidate.id === id);
  if (entry) return entry;
  const known = shelf.map((candidate) => candidate.id).join(", ") || "none";
  throw new RangeError(`${modelsDir} has no model ${id}, it has ${known}`);
}

/** @throws RangeError when a package or another file is already in the place of this id */
export async function requireFreeId(modelsDir: string, id: string): Promise<void> {
  const taken = (await readShelf(modelsDir)).find((entry) => entry.id === id)?.folder;
  const place = join(modelsDir, id);
  const there = taken ?? (existsSync(place) ? place : null);
  if (there === null) return;
  throw new RangeError(`${there} is there already: give another --id, or remove ${id} first`);
}
