/** Starts the edge as a child process, on any of its platforms. */
import { type ServiceProcess, type Spawning, spawnService } from "./service_process.ts";
import { WRANGLER, WRANGLER_CONFIG, WRANGLER_ENV } from "./wrangler.ts";

export const EDGE_PLATFORMS = ["workerd", "deno"] as const;
export type EdgePlatform = (typeof EDGE_PLATFORMS)[number];

export interface EdgeProcessOptions extends Pick<Spawning, "quiet" | "outputKept"> {
  /** 0 picks a free port. */
  readonly port: number;
  /** Folder of the database, which has to be migrated already on workerd. */
  readonly dataDir: string;
  /** Variables that `edge/settings.ts` reads, such as the address of the GPU function. */
  readonly settings: Readonly<Record<string, string>>;
  /** Folder of the page and the models; the built page by default. */
  readonly assets?: string | undefined;
  /** Entrypoint around the shipped one, relative to the root; on workerd only. */
  readonly worker?: string | undefined;
}

export function spawnEdge(platform: EdgePlatform, options: EdgeProcessOptions): ServiceProcess {
  const { quiet, outputKept } = options;
  const command = platform === "deno" ? onDeno(options) : onWorkerd(options);
  return spawnService("Edge", { ...command, quiet, ...(outputKept ? { outputKept } : {}) });
}

type Command = Pick<Spawning, "args" | "env">;

function onDeno({ port, dataDir, assets, settings }: EdgeProcessOptions): Command {
  const folder: Record<string, string> = assets === undefined ? {} : { ASSETS_DIR: assets };
  const env = { PORT: String(port), DATA_DIR: dataDir, ...folder, ...settings };
  return { args: ["run", "-A", "edge/platforms/deno/main.ts"], env };
}

function onWorkerd({ port, dataDir, assets, worker, settings }: EdgeProcessOptions): Command {
  const args = [
    ...WRANGLER,
    "dev",
    ...(worker === undefined ? [] : [worker]),
    WRANGLER_CONFIG,
    "--ip=127.0.0.1",
    `--port=${port}`,
    "--inspector-port=0",
    "--show-interactive-dev-session=false",
    `--persist-to=${dataDir}`,
    ...(assets === undefined ? [] : [`--assets=${assets}`]),
    ...Object.entries(settings).map(([name, value]) => `--var=${name}:${value}`),
  ];
  return { args, env: WRANGLER_ENV };
}
