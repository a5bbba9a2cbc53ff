/**
 * Proves by the type checker that the pure members and files see no fetch, Deno, process or
 * console: the library for them has none. They are checked alone, since a test in the same run
 * would bring the platform's types. `deno run -A scripts/tools/gate/purity.ts`
 */
import { moduleGraph } from "./module_graph.ts";
import { isTest, ROOT, sourceFiles } from "../../checkout.ts";

export const PURE_MEMBERS = [
  "contract",
  "gpu-function/diffusion",
  "gpu-function/insights",
  "gpu-function/text",
];

/** These files are pure arithmetic in folders that are not: scheduling, ordering, credit. */
export const PURE_FILES = [
  "edge/limits/account_limiter.ts",
  "edge/sweeps/interleaving.ts",
  "gpu-function/engine/auto_cutoff.ts",
  "gpu-function/engine/rows/batch_profile.ts",
  "gpu-function/engine/rows/batch_queue.ts",
  "gpu-function/jobs/event_log.ts",
  "gpu-function/jobs/job.ts",
  "gpu-function/onnx/denoiser/row_groups.ts",
];

export async function checkPurity(): Promise<string[]> {
  const violations: string[] = [];
  for (const member of PURE_MEMBERS) {
    violations.push(
      ...await impurities(member, [`${member}/mod.ts`]),
      ...await unreachable(member),
    );
  }
  return [...violations, ...await impureFiles(PURE_FILES)];
}

/** Checks files outside the members with the members' library, under a temporary configuration. */
export async function impureFiles(files: readonly string[]): Promise<string[]> {
  const { imports, nodeModulesDir, compilerOptions } = JSON.parse(
    await Deno.readTextFile(`${ROOT}deno.json`),
  );
  const pure = { ...compilerOptions, lib: ["esnext"], types: [] };
  const config = await Deno.makeTempFile({ dir: ROOT, prefix: ".purity_", suffix: ".json" });
  try {
    const text = JSON.stringify({ imports, nodeModulesDir, compilerOptions: pure });
    await Deno.writeTextFile(config, text);
    return await impurities(files.join(", "), ["--config", config, ...files]);
  } finally {
    await Deno.remove(config);
  }
}

async function impurities(what: string, args: readonly string[]): Promise<string[]> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["check", ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  return success ? [] : [`${what}: not pure:\n${new TextDecoder().decode(stderr)}`];
}

/** Finds files that the check missed because `mod.ts` does not lead to them. */
async function unreachable(member: string): Promise<string[]> {
  const entry = `${member}/mod.ts`;
  const reached = new Set([entry, ...(await moduleGraph([entry])).map(({ to }) => to)]);
  return (await sourceFiles())
    .filter((path) => path.startsWith(`${member}/`) && !isTest(path) && !reached.has(path))
    .map((path) => `${path} is not reachable from ${entry}, so its purity is not checked`);
}

if (import.meta.main) {
  const violations = await checkPurity();
  for (const violation of violations) console.error(violation);
  Deno.exit(violations.length > 0 ? 1 : 0);
}
