/** Runs the pinned version of wrangler so that it needs no internet. */
import config from "../../deno.json" with { type: "json" };
import { ROOT } from "../checkout.ts";
import { CommandFailure } from "../command_line/command_line.ts";

/** Arguments of `deno`, before those of wrangler. */
export const WRANGLER: readonly string[] = ["run", "-A", config.imports.wrangler];
export const WRANGLER_CONFIG = "--config=edge/wrangler.jsonc";
export const WRANGLER_ENV = {
  CI: "true",
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_SEND_ERROR_REPORTS: "false",
  WRANGLER_LOG_SANITIZE: "true",
  // Both settings avoid waiting for hosts that a machine without internet cannot reach.
  WRANGLER_HIDE_BANNER: "true",
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  // Wrangler's explorer reads and writes the database for whoever reaches the port, as everyone does
  // through a proxy; what it would show of requests is not gathered either.
  X_LOCAL_EXPLORER: "false",
  X_LOCAL_OBSERVABILITY: "false",
};

const OUTPUT_SHOWN = 20_000;

/**
 * Runs one command on the local D1 of a data folder.
 * @returns the command's output
 * @throws CommandFailure that begins with `failure`
 */
export async function runD1(
  command: readonly string[],
  dataDir: string,
  failure: string,
): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...WRANGLER, "d1", ...command, "--local", WRANGLER_CONFIG, `--persist-to=${dataDir}`],
    cwd: ROOT,
    env: WRANGLER_ENV,
    stdin: "null",
  }).output();
  const text = new TextDecoder().decode(stdout);
  if (success) return text;
  const said = text + new TextDecoder().decode(stderr);
  throw new CommandFailure(`${failure}:\n${said.slice(-OUTPUT_SHOWN)}`);
}

export async function applyMigrations(dataDir: string): Promise<void> {
  await runD1(["migrations", "apply", "DB"], dataDir, "Cannot apply the database migrations");
}
