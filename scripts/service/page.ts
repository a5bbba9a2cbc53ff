/** Prepares the edge's static assets: the built page, and what planning needs of each model. */
import { existsSync } from "node:fs";
import { build } from "vite";
import { ROOT, sourceFiles } from "../checkout.ts";
import { publishModels } from "./publish_models.ts";

const DIST = `${ROOT}web/dist`;

/** Builds the page if its sources are newer than the last build, then publishes the models. */
export async function preparePage(modelsDir: string): Promise<void> {
  if (!await isFresh()) {
    await build({ root: `${ROOT}web`, configFile: `${ROOT}web/vite.config.ts`, logLevel: "warn" });
  }
  await publishModels(modelsDir, DIST);
}

async function isFresh(): Promise<boolean> {
  const page = `${DIST}/index.html`;
  if (!existsSync(page)) return false;
  const built = (await Deno.stat(page)).mtime?.getTime() ?? 0;
  const sources = await sourceFiles(/^(client|contract|web)\/(?!.*_test\.tsx?$)|^deno\.lock$/);
  const times = await Promise.all(sources.map((path) => Deno.stat(ROOT + path)));
  return times.every(({ mtime }) => (mtime?.getTime() ?? Infinity) <= built);
}

if (import.meta.main) await preparePage(`${ROOT}gpu-function/models`);
