/**
 * The migrated local D1 of a data folder. Wrangler's migration takes longer than most cases, so it
 * runs once for each set of migrations, and its files are copied after that.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ROOT } from "../../scripts/checkout.ts";
import { applyMigrations, WRANGLER } from "../../scripts/service/wrangler.ts";

/** Wrangler's path for D1 in a data folder. */
const D1 = "v3/d1";

/** Does nothing where there is a D1, since migrations do not change while a test runs. */
export async function migrateD1(dataDir: string): Promise<void> {
  const database = join(dataDir, D1);
  if (existsSync(database)) return;
  await cp(join(await migratedOnce(), D1), database, { recursive: true });
}

/** @returns the data folder to copy from */
async function migratedOnce(): Promise<string> {
  const folder = join(ROOT, "node_modules/.cache", `shapefirst_d1_${await versionOfIt()}`);
  if (existsSync(folder)) return folder;
  await mkdir(dirname(folder), { recursive: true });
  const fresh = await mkdtemp(`${folder}_`);
  await applyMigrations(fresh);
  try {
    await rename(fresh, folder);
  } catch (cause) {
    // Another test was faster.
    if (!existsSync(folder)) throw cause;
    await rm(fresh, { recursive: true });
  }
  return folder;
}

async function versionOfIt(): Promise<string> {
  const hash = createHash("sha256").update(WRANGLER.join(" "));
  for (const file of ["edge/wrangler.jsonc", ...await migrations()]) {
    hash.update(file).update(await readFile(join(ROOT, file)));
  }
  return hash.digest("hex").slice(0, 16);
}

async function migrations(): Promise<string[]> {
  const files = await readdir(join(ROOT, "db/migrations"));
  return files.filter((file) => file.endsWith(".sql")).sort().map((file) =>
    `db/migrations/${file}`
  );
}
