/**
 * Starts the whole service on this machine: page, edge (workerd, D1, Durable Object; or Deno and
 * SQLite) and GPU function. `deno task start [--help]`, `deno task start:deno`
 */
import { isIP } from "node:net";
import { modelsFolder } from "../command_line/models_folder.ts";
import { parseStrictly, runCommand, UsageError } from "../command_line/command_line.ts";
import { EDGE_PLATFORMS, type EdgePlatform } from "../service/edge_process.ts";
import { type StackOptions, startStack } from "../service/stack.ts";

const HELP = `deno task start [--port N] [--gpu-port N] [--data DIR] [--models DIR]
  [--edge NAME]

Starts the page and API (default port 8787) and the GPU function (8788) with the embedded model.
  --port N      port of the page and API; also PORT
  --gpu-port N  port of the GPU function; also GPU_PORT
  --data DIR    where the database lives (default .data); also DATA_DIR
  --edge NAME   what the edge runs on: workerd (default) or deno
  --models DIR  a folder with one folder per model (default gpu-function/models); also MODELS_DIR

HOST is the IP address that the page and API listen on with --edge deno (default 127.0.0.1).
`;

const INTERRUPTED = 130;

const OPTIONS = {
  port: { type: "string" },
  "gpu-port": { type: "string" },
  data: { type: "string" },
  models: { type: "string" },
  edge: { type: "string" },
  help: { type: "boolean", short: "h" },
} as const;

/** @throws UsageError with one sentence for what was typed */
function readOptions(): StackOptions | null {
  const { values, positionals } = parseStrictly(Deno.args, OPTIONS);
  if (values["help"]) return null;
  const [extra] = positionals;
  if (extra !== undefined) throw new UsageError(`Flags only, given ${JSON.stringify(extra)}`);
  const text = (flag: keyof typeof OPTIONS, variable: string) =>
    values[flag] === undefined ? Deno.env.get(variable) : String(values[flag]);
  const platform = readPlatform(String(values["edge"] ?? "workerd"));
  return {
    ...(platform === "deno" ? { host: readHost(Deno.env.get("HOST") ?? "127.0.0.1") } : {}),
    port: readPort("--port", text("port", "PORT") ?? "8787"),
    gpuPort: readPort("--gpu-port", text("gpu-port", "GPU_PORT") ?? "8788"),
    dataDir: text("data", "DATA_DIR") ?? ".data",
    modelsDir: modelsFolder(text("models", "MODELS_DIR")),
    quiet: false,
    platform,
  };
}

function readPort(flag: string, value: string): number {
  const port = Number(value);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new UsageError(
    `${flag} must be an integer from 1 to 65535, given ${JSON.stringify(value)}`,
  );
}

function readHost(value: string): string {
  if (isIP(value) !== 0) return value;
  throw new UsageError(`HOST must be an IP address, given ${JSON.stringify(value)}`);
}

function readPlatform(value: string): EdgePlatform {
  const platform = EDGE_PLATFORMS.find((name) => name === value);
  if (platform) return platform;
  throw new UsageError(
    `--edge must be ${EDGE_PLATFORMS.join(" or ")}, given ${JSON.stringify(value)}`,
  );
}

await runCommand(async () => {
  const options = readOptions();
  if (!options) return console.log(HELP);
  let stop: () => Promise<never> | never = () => Deno.exit(INTERRUPTED);
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => void stop());
  }
  const stack = await startStack(options).catch((cause) => {
    console.error(cause instanceof Error ? cause.message : cause);
    Deno.exit(1);
  });
  console.log(
    `\nShapefirst draws at ${stack.url}  (GPU function: ${stack.gpuUrl}; Ctrl-C stops both)`,
  );
  let asked = false;
  stop = () => {
    asked = true;
    return stack.stop().then(() => Deno.exit(0));
  };
  const gone = await stack.exited;
  // The stop that is under way decides the exit code.
  if (asked) return await new Promise(() => {});
  console.error(`${gone} stopped by itself; stopping the rest`);
  await stack.stop();
  Deno.exitCode = 1;
});
