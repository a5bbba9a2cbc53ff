/**
 * Runs all tests in groups: the pure members without any permission, then the programs, the scripts
 * and what crosses folders. Deno 2.9.6 overflows its stack when one run loads all of them. Files
 * run side by side, the tests of a file one by one, without type checks, which the gate runs first.
 * Ends with `N passed, N failed, N skipped`. `deno task test [filter]`
 */
import { availableParallelism } from "node:os";
import { withDirectLoopback } from "../../edge/platforms/deno/direct_loopback.ts";
import { ROOT, sourceFiles } from "../checkout.ts";
import { PURE_MEMBERS } from "./gate/purity.ts";
import { preparePage } from "../service/page.ts";

/** One more than the cores, since many tests wait for another process most of the time. */
const FILES_AT_ONCE = availableParallelism() + 1;

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/**
 * Files are named one by one, since `deno test` of a folder that has workspace members runs only
 * the members' tests and does not mention the folder's own.
 */
async function otherTestFiles(): Promise<readonly string[][]> {
  const files = (await sourceFiles(/_test\.tsx?$/))
    .filter((path) => !PURE_MEMBERS.some((member) => path.startsWith(`${member}/`)));
  return Object.values(Object.groupBy(files, groupOf)).map((group = []) => group);
}

function groupOf(path: string): string {
  return path.match(/^(scripts|tests)\//)?.[1] ?? "programs";
}

/** Runs `deno test`, passes its output through, and reads the counts from its closing line. */
async function runTests(args: readonly string[]): Promise<Counts & { success: boolean }> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "--quiet", "--no-check", "--parallel", ...args],
    cwd: ROOT,
    // Threads of an operator spin while they wait, and would take cores from each other.
    env: {
      ...withDirectLoopback(Deno.env.toObject()),
      ...{ NO_COLOR: "1", DENO_JOBS: String(FILES_AT_ONCE), GPU_THREADS: "1" },
    },
    stdout: "piped",
  }).spawn();
  let output = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    output += text;
    await Deno.stdout.write(new TextEncoder().encode(text));
  }
  const { success } = await child.status;
  const [line = ""] = output.match(/^(ok|FAILED) \| .*$/m) ?? [];
  const count = (word: string) => Number(line.match(new RegExp(`(\\d+) ${word}`))?.[1] ?? 0);
  const failed = count("failed");
  // A file that does not load fails the run without failing a test.
  return {
    success,
    passed: count("passed"),
    failed: success ? failed : Math.max(failed, 1),
    skipped: count("ignored"),
  };
}

export async function runAllTests(filter?: string): Promise<boolean> {
  // The page is built here, before several tests find at once that it is missing.
  await preparePage(`${ROOT}gpu-function/models`);
  const filters = filter ? [`--filter=${filter}`] : [];
  const runs = [await runTests([...filters, ...PURE_MEMBERS])];
  for (const files of await otherTestFiles()) {
    runs.push(await runTests(["-A", ...filters, ...files]));
  }
  const sum = (key: keyof Counts) => runs.reduce((total, run) => total + run[key], 0);
  console.log(`${sum("passed")} passed, ${sum("failed")} failed, ${sum("skipped")} skipped`);
  return runs.every(({ success }) => success);
}

if (import.meta.main) {
  const [first = "", ...more] = Deno.args;
  if (first.startsWith("-") || more.length > 0) {
    console.log(
      "deno task test [part of a test's name]\n\nRuns all tests, or those whose name contains it.",
    );
    Deno.exit(first === "--help" ? 0 : 2);
  }
  Deno.exit(await runAllTests(Deno.args[0]) ? 0 : 1);
}
