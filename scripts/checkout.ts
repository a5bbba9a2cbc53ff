/** Finds this checkout's root and its own files: tracked by git, or new and not ignored. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** Returns paths relative to the root, sorted. */
export async function sourceFiles(pattern = /\.tsx?$/): Promise<string[]> {
  const { stdout, success } = await new Deno.Command("git", {
    args: ["ls-files", "-z", "--cached", "--others", "--exclude-standard"],
    cwd: ROOT,
  }).output();
  if (!success) throw new Error("git ls-files failed: the gate runs in a git checkout");
  const paths = new TextDecoder().decode(stdout).split("\0");
  return [...new Set(paths)].filter((path) => pattern.test(path) && existsSync(ROOT + path)).sort();
}

export function isTest(path: string): boolean {
  return /_test\.tsx?$/.test(path) || path.includes("/fixtures/") || path.startsWith("tests/");
}
