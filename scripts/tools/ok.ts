/** The gate checks all that has to hold before a change lands; CI runs only this. `deno task ok` */
import { checkBoundaries } from "./gate/boundaries.ts";
import { checkPurity } from "./gate/purity.ts";
import { ROOT, sourceFiles } from "../checkout.ts";
import { checkTidy } from "./gate/tidy.ts";
import { runAllTests } from "./test.ts";

type Check = () => Promise<boolean>;

const CHECKS: readonly (readonly [name: string, check: Check])[] = [
  ["format", () => deno("fmt", "--check", "--quiet")],
  ["lint", () => deno("lint", "--quiet")],
  ["types", async () => deno("check", "--quiet", ...await sourceFiles())],
  ["purity", () => none(checkPurity())],
  ["boundaries", () => none(checkBoundaries())],
  ["tidy", () => none(checkTidy())],
  ["tests", () => runAllTests()],
];

async function deno(...args: string[]): Promise<boolean> {
  const { success } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: ROOT,
    stdout: "inherit",
    stderr: "inherit",
  }).output();
  return success;
}

async function none(found: Promise<string[]>): Promise<boolean> {
  const complaints = await found;
  for (const complaint of complaints) console.error(complaint);
  return complaints.length === 0;
}

if (Deno.args.length > 0) {
  console.log(`deno task ok\n\nRuns every check: ${CHECKS.map(([name]) => name).join(", ")}.`);
  Deno.exit(Deno.args[0] === "--help" ? 0 : 2);
}
const failed: string[] = [];
for (const [name, check] of CHECKS) {
  const start = performance.now();
  const passed = await check();
  const seconds = ((performance.now() - start) / 1_000).toFixed(1);
  console.error(`${passed ? "ok  " : "FAIL"} ${name} (${seconds} s)`);
  if (!passed) failed.push(name);
}
if (failed.length > 0) console.error(`Failed: ${failed.join(", ")}`);
Deno.exit(failed.length > 0 ? 1 : 0);
