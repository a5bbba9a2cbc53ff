/** The GPU function as a process: environment in, one port out, drained on SIGTERM. `--help` */
import { randomUUID } from "node:crypto";
import type { Clock } from "./jobs/clock.ts";
import { type Config, describeConfig, parseConfig } from "./server/config.ts";
import { describeCause, type LogSink } from "./jobs/log_record.ts";
import { createMetrics } from "./server/metrics.ts";
import { chooseProvider } from "./onnx/provider.ts";
import { createEngine } from "./engine/onnx_engine.ts";
import { CallVerifier } from "./server/request_signature.ts";
import { type LastingServer, serveLastingly } from "./server/lasting_server.ts";
import { createServer } from "./server/server.ts";
import { GenerationService } from "./jobs/service.ts";

const HELP = `deno run -A gpu-function/main.ts

Serves Cog's HTTP contract for the models in MODELS_DIR. Environment:
${describeConfig()}
`;
/** How long readers may take for what is left to read once everything has ended, and graphs to be let go. */
const CLOSE_MS = 2_000;

const clock: Clock = {
  now: () => Date.now(),
  setTimer(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

const log: LogSink = (record) =>
  console.error(JSON.stringify({ time: new Date().toISOString(), ...record }));

function refuseToStart(sentence: string): never {
  console.error(sentence);
  Deno.exit(2);
}

async function readConfig(): Promise<Config> {
  if (Deno.args.includes("--help")) {
    console.log(HELP);
    Deno.exit(0);
  }
  if (Deno.args.length > 0) refuseToStart(`Only --help is an argument, given ${Deno.args[0]}`);
  try {
    const config = parseConfig((name) => Deno.env.get(name), `${import.meta.dirname}/models`);
    const folder = await Deno.stat(config.modelsDir).catch(() => null);
    if (folder?.isDirectory) return config;
    return refuseToStart(`MODELS_DIR must be a folder, given ${config.modelsDir}`);
  } catch (cause) {
    return refuseToStart(cause instanceof Error ? cause.message : String(cause));
  }
}

/** Before anything listens: a host that asked for a GPU and has none should see the start fail. */
async function readProvider({ providers }: Config): Promise<string> {
  try {
    const { provider, passedOver } = await chooseProvider(providers);
    if (passedOver.length > 0) {
      const why = passedOver.join(", ");
      log({ level: "info", message: "service.provider_fallback", provider, passed_over: why });
    }
    return provider;
  } catch (cause) {
    return refuseToStart(cause instanceof Error ? cause.message : String(cause));
  }
}

type Handler = (request: Request) => Response | Promise<Response>;

function listen({ host, port }: Config, handler: Handler): LastingServer {
  try {
    return serveLastingly({ hostname: host, port }, handler, { clock, log });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    return refuseToStart(`Cannot listen on GPU_HOST ${host}, GPU_PORT ${port}: ${why}`);
  }
}

const config = await readConfig();
const executionProvider = await readProvider(config);
const service = new GenerationService(config.limits, { clock, log });
const app = createServer({
  service,
  metrics: createMetrics(service),
  clock,
  log,
  drawId: randomUUID,
  verifier: config.secrets.length > 0 ? new CallVerifier(config, clock) : null,
});
const server = listen(config, (request) => app.fetch(request));
if (config.secrets.length === 0) log({ level: "info", message: "service.calls_not_signed" });

async function stop(): Promise<void> {
  await service.drain();
  // A process that ends while WebGPU holds graphs crashes in the driver, and looks as if it had failed.
  const closed = Promise.allSettled([server.shutdown(), service.engine?.close()]);
  await Promise.race([closed, new Promise<void>((resolve) => clock.setTimer(CLOSE_MS, resolve))]);
  Deno.exit(0);
}
let stopping: Promise<void> | null = null;
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.addSignalListener(signal, () => void (stopping ??= stop()));
}

try {
  const { modelsDir, packedDir, rowsMax, batching, rowMemoryBytes, safety, weights } = config;
  const engine = await createEngine({
    modelsDir,
    executionProvider,
    intraOpNumThreads: config.threads,
    rowsMax,
    batching,
    weights,
    memoryBytes: config.modelBytes,
    packedDir,
    rowMemoryBytes,
    safety,
  });
  for (const { id, reason: cause } of engine.unavailable) {
    log({ level: "error", message: "service.model_unavailable", model: id, cause });
  }
  service.start(engine);
  const { hostname, port } = server.addr;
  const models = engine.models.map(({ id }) => id).join(", ");
  console.log(`GPU function ready at http://${hostname}:${port} (models: ${models})`);
} catch (cause) {
  // Stays up, so that an orchestrator reads why instead of restarting it blindly.
  const { cause: reason, stack } = describeCause(cause);
  service.failSetup(reason);
  log({ level: "error", message: "service.setup_failed", cause: reason, stack });
}
