/** Runs the service as child processes, for `deno task start` and the end-to-end tests. */
import { resolve } from "node:path";
import { ROOT } from "../checkout.ts";
import { type EdgePlatform, spawnEdge } from "./edge_process.ts";
import { preparePage } from "./page.ts";
import { type ServiceProcess, spawnService } from "./service_process.ts";
import { applyMigrations } from "./wrangler.ts";

export interface StackOptions {
  /** IP address that an edge on Deno listens on; 127.0.0.1 by default. */
  readonly host?: string;
  /** 0 picks a free port. */
  readonly port: number;
  readonly gpuPort: number;
  readonly dataDir: string;
  readonly modelsDir?: string;
  /** Whether the children's output is shown only when they fail. */
  readonly quiet: boolean;
  /** Platform that the edge runs on; workerd by default. */
  readonly platform?: EdgePlatform;
}

export interface Stack {
  readonly url: string;
  readonly gpuUrl: string;
  readonly gpu: ServiceProcess;
  readonly edge: ServiceProcess;
  /** Resolves with the name of a child that ended unasked. */
  readonly exited: Promise<string>;
  stop(): Promise<void>;
}

const START_ATTEMPTS = 240;
const START_PAUSE_MS = 250;

/** @throws Error with one sentence when a port is taken or a part does not start */
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
    const { platform = "workerd", quiet } = options;
    // On Deno the edge applies the migrations itself.
    const migrated = platform === "workerd" ? applyMigrations(dataDir) : null;
    await Promise.all([preparePage(modelsDir), migrated]);
    // Wrangler listens on loopback, whatever HOST says.
    const listening: Record<string, string> = platform === "deno" ? { HOST: host } : {};
    // Who starts the service to try it has room to; a proxy in front of it is another matter.
    const LOCAL_CALLERS = Deno.env.get("LOCAL_CALLERS") ?? "on";
    const settings = { GPU_URL: gpuUrl, LOCAL_CALLERS, ...listening };
    const edge = spawnEdge(platform, { port, dataDir, quiet, settings });
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

/** @throws Error with the GPU function's own message when its models do not load */
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

/** Returns the host for a local URL: a server that listens everywhere is on loopback, too. */
function addressIn(host: string): string {
  if (host === "0.0.0.0" || host === "::") return LOOPBACK;
  return host.includes(":") ? `[${host}]` : host;
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
