/** Entrypoint on Deno: SQLite, rooms in this process, the page from a folder. */
import { serveStatic } from "hono/deno";
import { fileURLToPath } from "node:url";
import { logToConsole } from "./adapters/console_log.ts";
import { openLibsqlDatabase } from "./adapters/libsql_database.ts";
import { createLocalEdge } from "./adapters/local_edge.ts";
import { readSaltFile } from "./adapters/salt_file.ts";
import { withBlocklistFile } from "./adapters/blocklist_file.ts";
import { readSettings } from "./settings.ts";

const environment = (name: string, fallback: string) => Deno.env.get(name) ?? fallback;
const dist = environment("ASSETS_DIR", fileURLToPath(new URL("../web/dist", import.meta.url)));
const dataDir = environment("DATA_DIR", ".data");

async function readAsset(path: string): Promise<unknown> {
  try {
    return JSON.parse(await Deno.readTextFile(dist + path));
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return null;
    throw cause;
  }
}

await Deno.mkdir(dataDir, { recursive: true });
const { database } = await openLibsqlDatabase(`file:${dataDir}/shapefirst.sqlite`);
const set = readSettings(await withBlocklistFile(Deno.env.toObject()));
const addressSalt = set.identity.addressSalt ?? await readSaltFile(dataDir);
const settings = { ...set, identity: { ...set.identity, addressSalt } };
const { app } = createLocalEdge({ database, settings, readAsset, log: logToConsole });
app.get("/*", serveStatic({ root: dist }));

Deno.serve({ hostname: "127.0.0.1", port: Number(environment("PORT", "8787")) }, app.fetch);
