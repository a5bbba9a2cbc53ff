/**
 * Dependencies point one way: what each room may import, checked on the module graph, and no file may
 * lead back to itself. `deno run -A scripts/tools/gate/boundaries.ts`
 */
import { isTest, sourceFiles } from "../../checkout.ts";
import { circlesOf } from "./circles.ts";
import { type Import, moduleGraph } from "./module_graph.ts";
import { type Room, ROOMS } from "./rooms.ts";

/** Tests may use any package, and fixtures of the contract. */
const ALLOWED_IN_TESTS = ["node:", "npm:", "contract/"];

/** The longest path that fits decides which room a file is in. */
export function roomOf(path: string): Room | undefined {
  return ROOMS.filter((room) => fits(path, room.path))
    .sort((a, b) => b.path.length - a.path.length)[0];
}

/** A trailing slash or colon means a prefix; a file or a bare package has to match whole. */
function fits(path: string, allowed: string): boolean {
  return /[/:]$/.test(allowed) ? path.startsWith(allowed) : path === allowed;
}

export function boundaryViolations(imports: readonly Import[]): string[] {
  return imports.flatMap(({ from, to }) => {
    const room = roomOf(from);
    if (!room) return [];
    const target = roomOf(to);
    const mayTest = isTest(from) &&
      (ALLOWED_IN_TESTS.some((allowed) => fits(to, allowed)) || isSameProgram(from, to));
    const may = target === room || room.imports.some((allowed) => fits(to, allowed)) || mayTest;
    return may ? [] : [
      `${from} imports ${to}; ${room.path} may import ${room.imports.join(", ") || "nothing"}`,
    ];
  });
}

/** A test may set up whatever its program has. */
function isSameProgram(from: string, to: string): boolean {
  return from.split("/")[0] === to.split("/")[0];
}

export async function checkBoundaries(): Promise<string[]> {
  const imports = await moduleGraph(await sourceFiles());
  const circles = circlesOf(imports).map((files) =>
    `${files.join(" -> ")} -> ${files[0]} is a circle of imports`
  );
  return [...new Set([...boundaryViolations(imports), ...circles])];
}

if (import.meta.main) {
  const violations = await checkBoundaries();
  for (const violation of violations) console.error(violation);
  Deno.exit(violations.length > 0 ? 1 : 0);
}
