/**
 * Starts the whole service on this machine: page, edge (workerd, D1, Durable Object; or Deno and SQLite)
 * and GPU function. `deno task start [--help]`, `deno task start:deno`
 */
import { parseArgs } from "node:util";
import { EDGE_PLATFORMS, type EdgePlatform, startStack } from "./stack.ts";

const HELP = `deno task start [--port N] [--gpu-port N] [--data DIR] [--models DIR]
  [--edge NAME]

Starts the page and API (default port 8787) and the GPU function (8788) with the embedded model.
  --port N      port of the page and API; also PORT
  --gpu-port N  port of the GPU function; also GPU_PORT
  --data DIR    where the database lives (default .data); also DATA_DIR
  --edge NAME   what the edge runs on: workerd (default) or deno
  --models DIR  a folder with one folder per model (default gpu-function/models); also MODELS_DIR
`;

function readPort(value: string, name: string): number {
  const port = Number(value);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  console.error(`${name} must be an integer from 1 to 65535, given ${JSON.stringify(value)}`);
  Deno.exit(2);
}

function readPlatform(value: string): EdgePlatform {
  const platform = EDGE_PLATFORMS.find((name) => name === value);
  if (platform) return platform;
  console.error(`edge must be ${EDGE_PLATFORMS.join(" or ")}, given ${JSON.stringify(value)}`);
  Deno.exit(2);
}

function readOptions() {
  const option = (name: string) => ({ [name]: { type: "string" as const } });
  try {
    const { values } = parseArgs({
      args: Deno.args,
      options: {
        ...option("port"),
        ...option("gpu-port"),
        ...option("data"),
        ...option("models"),
        ...option("edge"),
        help: { type: "boolean" },
      },
    });
    return values as Readonly<Record<string, string | undefined>>;
  } catch (cause) {
    console.error(`${cause instanceof Error ? cause.message : cause}\n\n${HELP}`);
    Deno.exit(2);
  }
}

const values = readOptions();
if (values.help) {
  console.log(HELP);
  Deno.exit(0);
}
const environment = (name: string) => Deno.env.get(name);
const stack = await startStack({
  port: readPort(values.port ?? environment("PORT") ?? "8787", "port"),
  gpuPort: readPort(values["gpu-port"] ?? environment("GPU_PORT") ?? "8788", "gpu-port"),
  dataDir: values.data ?? environment("DATA_DIR") ?? ".data",
  modelsDir: values.models ?? environment("MODELS_DIR") ?? "gpu-function/models",
  quiet: false,
  platform: readPlatform(values.edge ?? "workerd"),
}).catch((cause) => {
  console.error(cause instanceof Error ? cause.message : cause);
  Deno.exit(1);
});
console.log(
  `\nShapefirst draws at ${stack.url}  (GPU function: ${stack.gpuUrl}; Ctrl-C stops both)`,
);

let asked = false;
const stop = () => {
  asked = true;
  void stack.stop().then(() => Deno.exit(0));
};
Deno.addSignalListener("SIGINT", stop);
Deno.addSignalListener("SIGTERM", stop);
const gone = await stack.exited;
if (!asked) {
  console.error(`${gone} stopped by itself; stopping the rest`);
  await stack.stop();
  Deno.exit(1);
}
