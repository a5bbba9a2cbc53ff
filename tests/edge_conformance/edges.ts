/** The edge on each of its platforms, started on loopback with a GPU function of the caller's. */
import { fileURLToPath } from "node:url";
import config from "../../deno.json" with { type: "json" };
import { openLibsqlDatabase } from "../../edge/platforms/deno/libsql_database.ts";
import { createLocalEdge } from "../../edge/platforms/deno/local_edge.ts";
import type { SqlDatabase } from "../../db/result_queries.ts";
import type { GpuBackend } from "../../edge/backends/gpu_backend.ts";
import { readSettings } from "../../edge/settings.ts";
import { migrateD1 } from "./migrated_d1.ts";

export interface Edge {
  readonly name: string;
  /** The address for whoever needs more than requests; null in process. */
  readonly url: string | null;
  request(path: string, init?: RequestInit): Promise<Response>;
  stop(): Promise<void>;
}

export interface EdgeProcess extends Edge {
  /** What it has written on both of its outputs so far. */
  output(): string;
  /** SIGKILL for the process and all that it has started. */
  kill(): Promise<void>;
  /** Linux alone: of the process and all that it has started. */
  residentBytes(): number;
}

export interface LocalEdge extends Edge {
  /** Resolves when nothing goes on behind the responses. */
  settled(): Promise<void>;
}

export interface EdgeOptions {
  readonly gpuUrl: string;
  readonly assets: string;
  readonly dataDir: string;
  /** Settings of the edge, beside the address of the GPU function. */
  readonly environment?: Readonly<Record<string, string>>;
  /** On workerd alone: an entrypoint around the shipped one, from the root. */
  readonly worker?: string;
  /** In process alone: instead of one in memory. Its owner closes it. */
  readonly database?: SqlDatabase;
  /** In process alone: instead of the one that the settings ask for. */
  readonly gpu?: GpuBackend;
}

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

export async function startInProcess(
  { gpuUrl, assets, environment = {}, database: given, gpu }: EdgeOptions,
): Promise<LocalEdge> {
  const { database, close } = given
    ? { database: given, close: () => {} }
    : await openLibsqlDatabase(":memory:");
  const { app, settled } = createLocalEdge({
    database,
    settings: readSettings({ GPU_URL: gpuUrl, ...environment }),
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

export async function startDeno(
  { gpuUrl, assets, dataDir, environment = {} }: EdgeOptions,
): Promise<EdgeProcess> {
  const child = spawn(["run", "-A", "edge/platforms/deno/main.ts"], {
    // Some shells export their machine's name under it.
    HOST: "127.0.0.1",
    PORT: "0",
    GPU_URL: gpuUrl,
    ASSETS_DIR: assets,
    DATA_DIR: dataDir,
    // Tests that stop it in mid-run mean to.
    SHUTDOWN_SECONDS: "1",
    ...environment,
  });
  return await overHttp("Deno", child, /http:\/\/127\.0\.0\.1:\d+/);
}

/** The pinned version, wherever it is pinned. */
const WRANGLER = ["run", "-A", config.imports.wrangler];
const WRANGLER_ENV = {
  CI: "true",
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_SEND_ERROR_REPORTS: "false",
  // Without these two wrangler waits for hosts that a test machine does not reach.
  WRANGLER_HIDE_BANNER: "true",
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
};

export async function startWorkerd(options: EdgeOptions): Promise<EdgeProcess> {
  const common = ["--config=edge/wrangler.jsonc", `--persist-to=${options.dataDir}`];
  await migrateD1(options.dataDir);
  const dev = ["dev", "--ip=127.0.0.1", "--port=0", "--inspector-port=0"];
  const child = spawn([
    ...WRANGLER,
    ...dev,
    ...(options.worker === undefined ? [] : [options.worker]),
    ...common,
    "--show-interactive-dev-session=false",
    ...Object.entries({ GPU_URL: options.gpuUrl, ...options.environment })
      .map(([name, value]) => `--var=${name}:${value}`),
    `--assets=${options.assets}`,
  ], WRANGLER_ENV);
  return await overHttp("workerd", child, /(?<=Ready on )http:\/\/127\.0\.0\.1:\d+/);
}

async function overHttp(name: string, child: Child, ready: RegExp): Promise<EdgeProcess> {
  const url = await child.says(ready);
  return {
    name,
    url,
    request: (path, init) => fetch(url + path, init),
    output: () => child.output(),
    stop: () => child.stop(),
    kill: () => child.kill(),
    residentBytes: () => child.pids().reduce((sum, pid) => sum + residentBytes(pid), 0),
  };
}

interface Child {
  output(): string;
  /** The first match in its output. */
  says(pattern: RegExp): Promise<string>;
  stop(): Promise<void>;
  kill(): Promise<void>;
  pids(): number[];
}

function spawn(args: string[], env: Record<string, string>): Child {
  const child = new Deno.Command(Deno.execPath(), {
    args,
    cwd: ROOT,
    env: { ...env, NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let output = "";
  let heard = Promise.withResolvers<void>();
  const listen = async (stream: ReadableStream<Uint8Array>) => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      output += text;
      heard.resolve();
      heard = Promise.withResolvers();
    }
  };
  const pids = () => [child.pid, ...descendants(child.pid)];
  let ended = false;
  const drained = Promise.all([listen(child.stdout), listen(child.stderr), child.status]).then(
    () => {
      ended = true;
      heard.resolve();
    },
  );
  return {
    output: () => output,
    async says(pattern) {
      while (true) {
        const [match] = output.match(pattern) ?? [];
        if (match) return match;
        if (ended) throw new Error(`It ended before it was ready:\n${output}`);
        await heard.promise;
      }
    },
    async stop() {
      if (!ended) child.kill("SIGTERM");
      await drained;
    },
    async kill() {
      // From the top, so that nobody notices a death and cleans up.
      for (const pid of pids()) Deno.kill(pid, "SIGKILL");
      await drained;
    },
    pids,
  };
}

function residentBytes(pid: number): number {
  const [, kilobytes = "0"] = Deno.readTextFileSync(`/proc/${pid}/status`)
    .match(/^VmRSS:\s*(\d+)/m) ?? [];
  return 1_024 * Number(kilobytes);
}

/** Linux alone: processes that a process has started, and those that they have. */
function descendants(pid: number): number[] {
  const threads = [...Deno.readDirSync(`/proc/${pid}/task`)];
  const children = threads.flatMap(({ name }) =>
    Deno.readTextFileSync(`/proc/${pid}/task/${name}/children`).split(" ").filter(Boolean)
  ).map(Number);
  return children.flatMap((child) => [child, ...descendants(child)]);
}
