/** Entrypoint on Deno: SQLite, rooms in this process, the page from a folder. */
import type { Context } from "hono";
import { serveStatic } from "hono/deno";
import { fileURLToPath } from "node:url";
import { logToConsole } from "../console_log.ts";
import { keepLoopbackDirect } from "./direct_loopback.ts";
import { DatabaseFailure } from "../../../db/sqlite/database_failure.ts";
import { openSqliteDatabase } from "../../../db/sqlite/sqlite_database.ts";
import { createLocalEdge } from "./local_edge.ts";
import { readPageHeaders } from "./page_headers.ts";
import { readSaltFile } from "./salt_file.ts";
import { withBlocklistFile } from "./blocklist_file.ts";
import { DatabaseGuard } from "../database_guard.ts";
import { later, settlesWithin } from "../../clock.ts";
import { serveLastingly } from "./lasting_server.ts";
import { readProcessSettings } from "./process_settings.ts";
import { readSettings } from "../../settings.ts";

keepLoopbackDirect();
const environment = (name: string, fallback: string) => Deno.env.get(name) ?? fallback;
const dist = environment(
  "ASSETS_DIR",
  fileURLToPath(new URL("../../../web/dist", import.meta.url)),
);
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
const { host, port, scheduleMs, shutdownMs, ...set } = await readEnvironment();
const addressSalt = set.identity.addressSalt ?? await readSaltFile(dataDir);
const guard = new DatabaseGuard(set.databaseMs, { now: () => Date.now(), later });
const { database, close } = await openDatabase(`${dataDir}/shapefirst.sqlite`);
const settings = { ...set, identity: { ...set.identity, addressSalt } };
const edge = createLocalEdge({ database, settings, readAsset, log: logToConsole });
const pageHeaders = Object.entries(await readPageHeaders(dist));
const onFound = (_path: string, c: Context) => {
  for (const [name, value] of pageHeaders) c.header(name, value);
};
edge.app.get("/*", serveStatic({ root: dist, onFound }));

/** A wrong setting prints one sentence instead of a stack. */
async function readEnvironment() {
  try {
    const variables = await withBlocklistFile(Deno.env.toObject());
    return { ...readProcessSettings(variables), ...readSettings(variables) };
  } catch (cause) {
    console.error(cause instanceof Error ? cause.message : cause);
    Deno.exit(2);
  }
}

/** A damaged file ends the start with what can be done about it. */
async function openDatabase(path: string) {
  try {
    return await openSqliteDatabase(path, (call) => guard.pass(call));
  } catch (cause) {
    console.error(cause instanceof DatabaseFailure ? cause.message : cause);
    Deno.exit(1);
  }
}

const server = serveLastingly({ hostname: host, port }, edge.app.fetch, logToConsole);
let tending = false;
void tend();
const timer = setInterval(tend, scheduleMs);

/** Resumes runs that an earlier process left first: webhooks may wait for their ends. */
async function tend(): Promise<void> {
  if (tending) return;
  tending = true;
  try {
    await edge.resumeRuns();
    await edge.runScheduled();
  } catch (cause) {
    logToConsole({ level: "error", message: "Scheduled work failed", cause });
  }
  tending = false;
}

/** Lets requests and runs end for a while. The next process resumes those that are cut off. */
async function stop(): Promise<void> {
  clearInterval(timer);
  const ended = await settlesWithin(server.shutdown().then(edge.settled), shutdownMs);
  logToConsole({ level: "info", message: ended ? "Stopped" : "Stopped in mid-run" });
  close();
  Deno.exit(0);
}

for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, stop);
