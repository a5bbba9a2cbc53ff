/** The edge on each of its platforms, started on loopback with a test's own GPU function. */
import { openSqliteDatabase } from "../../db/sqlite/sqlite_database.ts";
import { createLocalEdge } from "../../edge/platforms/deno/local_edge.ts";
import type { SqlDatabase } from "../../db/result_queries.ts";
import type { GpuBackend } from "../../edge/backends/gpu_backend.ts";
import { readSettings } from "../../edge/settings.ts";
import { type EdgePlatform, spawnEdge } from "../../scripts/service/edge_process.ts";
import { executeLocally } from "../../scripts/service/local_d1.ts";
import { migrateD1 } from "./migrated_d1.ts";

export interface Edge {
  readonly name: string;
  /** The address, for tests that need more than requests; null in process. */
  readonly url: string | null;
  request(path: string, init?: RequestInit): Promise<Response>;
  stop(): Promise<void>;
}

export interface EdgeProcess extends Edge {
  /** All that it has written to stdout and stderr so far. */
  output(): string;
  /** Sends SIGKILL to the process and all that it has started. */
  kill(): Promise<void>;
  /** Resident memory of the process and all that it has started. Linux only. */
  residentBytes(): number;
}

export function isProcess(edge: Edge): edge is EdgeProcess {
  return "output" in edge;
}

export interface LocalEdge extends Edge {
  /** Resolves when the work after the responses is done. */
  settled(): Promise<void>;
}

export interface EdgeOptions {
  readonly gpuUrl: string;
  readonly assets: string;
  readonly dataDir: string;
  /** Settings of the edge, apart from the address of the GPU function. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Path of an entrypoint around the shipped one, from the root. Only on workerd. */
  readonly worker?: string;
  /** Used instead of a file in the data folder, and closed by the test. Only in process. */
  readonly database?: SqlDatabase;
  /** Used instead of the one that the settings ask for. Only in process. */
  readonly gpu?: GpuBackend;
}

/** What `deno task start` sets, too: a test asks more in a minute than a stranger may. */
const LOCAL = { LOCAL_CALLERS: "on" };

export async function startInProcess(
  { gpuUrl, assets, dataDir, environment = {}, database: given, gpu }: EdgeOptions,
): Promise<LocalEdge> {
  const { database, close } = given
    ? { database: given, close: () => {} }
    : await openSqlite(dataDir);
  const { app, settled } = createLocalEdge({
    database,
    settings: readSettings({ GPU_URL: gpuUrl, ...LOCAL, ...environment }),
    readAsset: async (path) => {
      const text = await Deno.readTextFile(assets + path).catch(() => null);
      return text === null ? null : JSON.parse(text);
    },
    log: () => {},
    gpu,
  });
  return {
    name: "in process",
    url: null,
    request: async (path, init) => await app.request(path, init),
    settled,
    stop: async () => {
      await settled();
      close();
    },
  };
}

export function startDeno(options: EdgeOptions): Promise<EdgeProcess> {
  // Some shells export their machine's name as HOST. Tests that stop it in mid-run need no grace.
  const own = { HOST: "127.0.0.1", SHUTDOWN_SECONDS: "1" };
  const environment = { ...own, ...options.environment };
  return startProcess("deno", { ...options, environment }, /http:\/\/127\.0\.0\.1:\d+/);
}

export async function startWorkerd(options: EdgeOptions): Promise<EdgeProcess> {
  await migrateD1(options.dataDir);
  return await startProcess("workerd", options, /(?<=Ready on )http:\/\/127\.0\.0\.1:\d+/);
}

async function startProcess(
  platform: EdgePlatform,
  { gpuUrl, environment, ...options }: EdgeOptions,
  ready: RegExp,
): Promise<EdgeProcess> {
  const settings = { GPU_URL: gpuUrl, ...LOCAL, ...environment };
  const quietly = { quiet: true, outputKept: Infinity };
  const edge = spawnEdge(platform, { ...options, settings, port: 0, ...quietly });
  const url = await edge.says(ready);
  const pids = () => [edge.pid, ...descendants(edge.pid)];
  return {
    name: platform,
    url,
    request: (path, init) => fetch(url + path, init),
    output: edge.output,
    stop: () => edge.stop(),
    async kill() {
      // From the top, so that no parent notices a child's death and cleans up.
      for (const pid of pids()) Deno.kill(pid, "SIGKILL");
      await edge.ended;
    },
    residentBytes: () => pids().reduce((sum, pid) => sum + residentBytes(pid), 0),
  };
}

/** A platform that an edge runs on. */
export interface Platform {
  /** The end of test names. */
  readonly name: string;
  start(options: EdgeOptions): Promise<Edge>;
  /** The header in which it expects a client's address when it is behind a proxy. */
  readonly addressHeader: string;
  /** Executes statements on the database of a data folder while its edge runs. */
  execute(dataDir: string, sql: string): Promise<void>;
}

/** All platforms. What holds on one has to hold on all. */
export const PLATFORMS: readonly Platform[] = [
  {
    name: "in process",
    start: startInProcess,
    addressHeader: "x-forwarded-for",
    execute: executeInFile,
  },
  {
    name: "on Deno",
    start: startDeno,
    addressHeader: "x-forwarded-for",
    execute: executeInFile,
  },
  {
    name: "on workerd",
    start: startWorkerd,
    addressHeader: "cf-connecting-ip",
    execute: async (dataDir, sql) => void await executeLocally(dataDir, sql),
  },
];

const openSqlite = (dataDir: string) => openSqliteDatabase(`${dataDir}/shapefirst.sqlite`);

async function executeInFile(dataDir: string, sql: string): Promise<void> {
  // Opened only briefly, since an open statement would lock the edge out.
  const { database, close } = await openSqlite(dataDir);
  try {
    for (const statement of sql.split(";\n")) await database.run(statement);
  } finally {
    close();
  }
}

function residentBytes(pid: number): number {
  const [, kilobytes = "0"] = Deno.readTextFileSync(`/proc/${pid}/status`)
    .match(/^VmRSS:\s*(\d+)/m) ?? [];
  return 1_024 * Number(kilobytes);
}

/** The processes that a process has started, and those that they have. Linux only. */
function descendants(pid: number): number[] {
  const threads = [...Deno.readDirSync(`/proc/${pid}/task`)];
  const children = threads.flatMap(({ name }) =>
    Deno.readTextFileSync(`/proc/${pid}/task/${name}/children`).split(" ").filter(Boolean)
  ).map(Number);
  return children.flatMap((child) => [child, ...descendants(child)]);
}
