/**
 * The pure members see no fetch, no Deno, no process, no console: the type checker proves it with a
 * library that has none of them. Each is checked alone, since a test in the same run would bring the
 * platform's types along. `deno run -A scripts/tools/gate/purity.ts`
 */
import { moduleGraph } from "./module_graph.ts";
import { isTest, ROOT, sourceFiles } from "../../checkout.ts";

export const PURE_MEMBERS = [
  "contract",
  "gpu-function/diffusion",
  "gpu-function/insights",
  "gpu-function/text",
];

export async function checkPurity(): Promise<string[]> {
  const violations: string[] = [];
  for (const member of PURE_MEMBERS) {
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", `${member}/mod.ts`],
      cwd: ROOT,
      env: { NO_COLOR: "1" },
    }).output();
    if (!success) violations.push(`${member} is not pure:\n${new TextDecoder().decode(stderr)}`);
    violations.push(...await unreachable(member));
  }
  return violations;
}

/** Files that the check never saw because `mod.ts` does not lead to them. */
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
