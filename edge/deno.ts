/** Entrypoint on Deno: SQLite, rooms in this process, the page from a folder. */
import { serveStatic } from "hono/deno";
import { fileURLToPath } from "node:url";
import { createResults } from "../db/queries.ts";
import { createSweeps } from "../db/sweep_queries.ts";
import { createAssetModels } from "./adapters/asset_models.ts";
import { logToConsole } from "./adapters/console_log.ts";
import { openLibsqlDatabase } from "./adapters/libsql_database.ts";
import { createLocalRooms, createLocalSweepRooms } from "./adapters/local_rooms.ts";
import { drawSeed } from "./adapters/random.ts";
import { createApp } from "./app.ts";
import { createHttpBackend } from "./backends/http.ts";

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
const results = createResults(database);
const gpu = createHttpBackend(environment("GPU_URL", "http://127.0.0.1:8788"));
// The process outlives its requests, so work goes on by itself; only its failure must not end it.
const keepAlive = (work: Promise<unknown>) =>
  void work.catch((cause) => logToConsole({ level: "error", message: "Work failed", cause }));
const room = { gpu, results, now: () => Date.now(), log: logToConsole, keepAlive };
const sweeps = createSweeps(database);
const rooms = createLocalRooms(room);
const app = createApp({
  ...room,
  sweeps,
  models: createAssetModels(readAsset),
  rooms,
  sweepRooms: createLocalSweepRooms({ ...room, sweeps, rooms }),
  newId: () => crypto.randomUUID(),
  drawSeed,
});
app.get("/*", serveStatic({ root: dist }));

Deno.serve({ hostname: "127.0.0.1", port: Number(environment("PORT", "8787")) }, app.fetch);
