/**
 * Packages are made here before they become part of the models folder. Packages are looked for one
 * level deep, so an unfinished one is never found, whenever the work stops.
 */
import { mkdir, mkdtemp, readdir, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";

const ADDING = ".adding";

/**
 * Names a folder `<models>/.adding/<process>-…/<name>`, still to be made, and removes it in the end
 * unless `work` renamed it. Leftovers of killed processes are removed first.
 */
export async function withStaging<T>(
  modelsDir: string,
  name: string,
  work: (staged: string) => Promise<T>,
): Promise<T> {
  const parent = join(modelsDir, ADDING);
  await mkdir(parent, { recursive: true });
  await sweep(parent);
  const own = await mkdtemp(join(parent, `${process.pid}-`));
  try {
    return await work(join(own, name));
  } finally {
    await rm(own, { recursive: true, force: true });
    await removeIfEmpty(parent);
  }
}

/** Another process may still use the folder. */
export async function removeIfEmpty(folder: string): Promise<void> {
  try {
    await rmdir(folder);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : "";
    if (code !== "ENOTEMPTY" && code !== "EEXIST" && code !== "ENOENT") throw error;
  }
}

async function sweep(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const pid = Number(name.match(/^(\d+)-/)?.[1]);
    if (pid > 0 && !isAlive(pid)) await rm(join(parent, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
