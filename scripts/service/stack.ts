/** The running service as child processes: used by `deno task start` and by the end-to-end tests. */
import { resolve } from "node:path";
import config from "../../deno.json" with { type: "json" };
import { ROOT } from "../checkout.ts";
import { preparePage } from "./page.ts";

export interface StackOptions {
  /** The IP address that an edge on Deno listens on; 127.0.0.1 unless said otherwise. */
  readonly host?: string;
  /** 0 picks a free port. */
  readonly port: number;
  readonly gpuPort: number;
  readonly dataDir: string;
  readonly modelsDir?: string;
  /** Keeps the children's output to itself, unless they fail. */
  readonly quiet: boolean;
  /** What the edge runs on; workerd unless said otherwise. */
  readonly platform?: EdgePlatform;
}

export const EDGE_PLATFORMS = ["workerd", "deno"] as const;
export type EdgePlatform = (typeof EDGE_PLATFORMS)[number];

export interface Stack {
  readonly url: string;
  readonly gpuUrl: string;
  readonly gpu: ServiceProcess;
  readonly edge: ServiceProcess;
  /** Resolves with the name of a child that ended without being asked. */
  readonly exited: Promise<string>;
  stop(): Promise<void>;
}

export interface ServiceProcess {
  readonly name: string;
  readonly pid: number;
  readonly ended: Promise<void>;
  output(): string;
  stop(signal?: Deno.Signal): Promise<void>;
}

const START_ATTEMPTS = 240;
const START_PAUSE_MS = 250;
const OUTPUT_KEPT = 20_000;

/** @throws Error with one sentence when a port is taken or a part does not come up */
export async function startStack(options: StackOptions): Promise<Stack> {
  const port = claimPort(options.port, "PORT");
  const gpuPort = claimPort(options.gpuPort, "GPU_PORT");
  const modelsDir = resolve(ROOT, options.modelsDir ?? "gpu-function/models");
  const dataDir = resolve(ROOT, options.dataDir);
  const gpuUrl = `http://127.0.0.1:${gpuPort}`;
  const { host = LOOPBACK } = options;
  const url = `http://${addressIn(host)}:${port}`;
  const gpu = startGpuFunction({ gpuPort, modelsDir, quiet: options.quiet });
  const started = [gpu];
  try {
    const onDeno = options.platform === "deno";
    // On Deno the edge applies them itself.
    await Promise.all([preparePage(modelsDir), onDeno ? null : applyMigrations(dataDir)]);
    const start = onDeno ? startDenoEdge : startEdge;
    const edge = start({ host, port, gpuUrl, dataDir, quiet: options.quiet });
    started.push(edge);
    await Promise.all([
      waitUntilReady(gpu, `${gpuUrl}/health-check`, isGpuReady),
      waitUntilReady(edge, `${url}/health`, () => true),
    ]);
    const exited = Promise.race(started.map(({ ended, name }) => ended.then(() => name)));
    return { url, gpuUrl, gpu, edge, exited, stop: () => stopAll(started) };
  } catch (cause) {
    await stopAll(started);
    throw cause;
  }
}

/** @throws Error with what the GPU function says, when its models are none */
function isGpuReady(body: string): boolean {
  const { status, setup } = JSON.parse(body);
  if (status === "SETUP_FAILED") throw new Error(setup.logs.replace(/^\w*Error: /, ""));
  return status === "READY";
}

export function startGpuFunction(
  options: { gpuPort: number; modelsDir: string; quiet: boolean },
): ServiceProcess {
  return spawnService("GPU function", {
    args: ["run", "-A", "gpu-function/main.ts"],
    env: { GPU_PORT: String(options.gpuPort), MODELS_DIR: options.modelsDir },
    quiet: options.quiet,
  });
}

const LOOPBACK = "127.0.0.1";

/** The address as a URL on this machine has it: who listens everywhere is met on loopback, too. */
function addressIn(host: string): string {
  if (host === "0.0.0.0" || host === "::") return LOOPBACK;
  return host.includes(":") ? `[${host}]` : host;
}

interface EdgeProcessOptions {
  readonly host: string;
  readonly port: number;
  readonly gpuUrl: string;
  readonly dataDir: string;
  readonly quiet: boolean;
}

function startDenoEdge({ host, port, gpuUrl, dataDir, quiet }: EdgeProcessOptions): ServiceProcess {
  return spawnService("Edge", {
    args: ["run", "-A", "edge/platforms/deno/main.ts"],
    env: { HOST: host, PORT: String(port), GPU_URL: gpuUrl, DATA_DIR: dataDir },
    quiet,
  });
}

export function startEdge(options: EdgeProcessOptions): ServiceProcess {
  return spawnService("Edge", {
    args: [
      ...WRANGLER,
      "dev",
      "--config=edge/wrangler.jsonc",
      "--ip=127.0.0.1",
      `--port=${options.port}`,
      "--inspector-port=0",
      "--show-interactive-dev-session=false",
      `--persist-to=${options.dataDir}`,
      `--var=GPU_URL:${options.gpuUrl}`,
    ],
    env: WRANGLER_ENV,
    quiet: options.quiet,
  });
}

/** The pinned version, wherever it is pinned. */
export const WRANGLER = ["run", "-A", config.imports.wrangler];
export const WRANGLER_ENV = {
  CI: "true",
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_SEND_ERROR_REPORTS: "false",
  WRANGLER_LOG_SANITIZE: "true",
  // Both would wait for hosts that a machine without internet does not reach.
  WRANGLER_HIDE_BANNER: "true",
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
};

export async function applyMigrations(dataDir: string): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...WRANGLER,
      "d1",
      "migrations",
      "apply",
      "DB",
      "--local",
      "--config=edge/wrangler.jsonc",
      `--persist-to=${dataDir}`,
    ],
    cwd: ROOT,
    env: WRANGLER_ENV,
    stdin: "null",
  }).output();
  if (success) return;
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  throw new Error(`Cannot apply the database migrations:\n${text.slice(-OUTPUT_KEPT)}`);
}

function claimPort(port: number, variable: string): number {
  try {
    const listener = Deno.listen({ hostname: "127.0.0.1", port });
    const { port: claimed } = listener.addr;
    listener.close();
    return claimed;
  } catch (cause) {
    throw new Error(
      `Port ${port} is taken, perhaps by this service in another terminal: ${variable} chooses another`,
      { cause },
    );
  }
}

function spawnService(
  name: string,
  options: { args: string[]; env: Record<string, string>; quiet: boolean },
): ServiceProcess {
  const child = new Deno.Command(Deno.execPath(), {
    args: options.args,
    cwd: ROOT,
    env: options.env,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  // Whoever leaves without stopping it, as at Ctrl-C while it starts, leaves no orphan.
  const end = () => kill(child, "SIGTERM");
  addEventListener("unload", end);
  let kept = "";
  const keep = async (stream: ReadableStream<Uint8Array>) => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      kept = (kept + text).slice(-OUTPUT_KEPT);
      if (!options.quiet) await Deno.stderr.write(new TextEncoder().encode(text));
    }
  };
  const drained = Promise.all([keep(child.stdout), keep(child.stderr)]);
  const ended = child.status.then(() => drained).then(() => removeEventListener("unload", end));
  return {
    name,
    pid: child.pid,
    ended,
    output: () => kept,
    async stop(signal = "SIGTERM") {
      kill(child, signal);
      await ended;
    },
  };
}

function kill(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch {
    // It has ended already.
  }
}

async function stopAll(processes: readonly ServiceProcess[]): Promise<void> {
  await Promise.all(processes.toReversed().map((process) => process.stop()));
}

async function waitUntilReady(
  process: ServiceProcess,
  url: string,
  isReady: (body: string) => boolean,
): Promise<void> {
  let alive = true;
  process.ended.then(() => alive = false);
  for (let attempt = 0; attempt < START_ATTEMPTS && alive; attempt++) {
    const body = await fetch(url).then((response) => response.ok ? response.text() : null)
      .catch(() => null);
    if (body !== null && isReady(body)) return;
    await new Promise((done) => setTimeout(done, START_PAUSE_MS));
  }
  const reason = alive ? "did not become ready in a minute" : "ended while starting";
  throw new Error(`${process.name} ${reason}:\n${process.output()}`);
}
