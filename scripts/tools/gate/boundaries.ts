/**
 * Checks on the module graph that dependencies point one way: each room imports only what it may,
 * and a path from a file or a room never leads back to it.
 * `deno run -A scripts/tools/gate/boundaries.ts`
 */
import { isTest, sourceFiles } from "../../checkout.ts";
import { circlesOf, wayTo } from "./circles.ts";
import { type Import, moduleGraph } from "./module_graph.ts";
import { OUT_OF_REACH, type Room, ROOMS } from "./rooms.ts";

/** Tests may use any package, and fixtures of the contract. */
const ALLOWED_IN_TESTS = ["node:", "npm:", "contract/"];

/** The longest path that fits decides which room a file is in. */
export function roomOf(path: string): Room | undefined {
  return ROOMS.filter((room) => fits(path, room.path))
    .sort((a, b) => b.path.length - a.path.length)[0];
}

/** Applies the rule that `Room.imports` states. */
function allows(room: Room, allowed: string, to: string): boolean {
  const isAround = room.path !== allowed && fits(room.path, allowed) && isRoom(allowed);
  const isBeside = isAround && isFolder(roomOf(to)) && roomOf(to)?.path !== allowed;
  return fits(to, allowed) && !isBeside;
}

const isRoom = (path: string) => ROOMS.some((room) => room.path === path);
const isFolder = (room: Room | undefined) => room?.path.endsWith("/") ?? false;

/** A trailing slash or colon means a prefix; a file or a bare package must match whole. */
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
    const may = target === room || room.imports.some((allowed) => allows(room, allowed, to)) ||
      mayTest;
    return may ? [] : [
      `${from} imports ${to}; ${room.path} may import ${room.imports.join(", ") || "nothing"}`,
    ];
  });
}

/**
 * Finds rooms that lead back to themselves through what they may import. A file that is a room of
 * its own may import the folder around it, for which it wraps a package.
 */
export function roomCircles(rooms: readonly Room[]): string[][] {
  const arrows = rooms.flatMap((room) =>
    room.imports.flatMap((allowed) => roomsIn(allowed, rooms)).map(({ path }) => path)
      .filter((to) => to !== room.path && (isFolder(room) || !fits(room.path, to)))
      .map((to) => ({ from: room.path, to }))
  );
  return circlesOf(arrows);
}

/** Returns the room of that path, or else the rooms inside it and the one around it. */
function roomsIn(allowed: string, rooms: readonly Room[]): readonly Room[] {
  const named = rooms.filter(({ path }) => path === allowed);
  return named.length > 0
    ? named
    : rooms.filter(({ path }) => fits(path, allowed) || fits(allowed, path));
}

/** A room may not load a file out of its reach, even through other files. */
export function reachViolations(imports: readonly Import[]): string[] {
  const { rooms, file } = OUT_OF_REACH;
  const starts = [...new Set(imports.map(({ from }) => from))]
    .filter((path) => rooms.some((room) => fits(path, room)) && !isTest(path));
  const way = wayTo(file, starts, imports);
  return way ? [`${way.join(" -> ")}: ${rooms.join(" and ")} may not load it`] : [];
}

/** A test may set up all of its own program. */
function isSameProgram(from: string, to: string): boolean {
  return from.split("/")[0] === to.split("/")[0];
}

export async function checkBoundaries(): Promise<string[]> {
  const imports = await moduleGraph(await sourceFiles());
  const circles = [...circlesOf(imports), ...roomCircles(ROOMS)].map((members) =>
    `${members.join(" -> ")} -> ${members[0]} is a circle of imports`
  );
  return [...new Set([...boundaryViolations(imports), ...reachViolations(imports), ...circles])];
}

if (import.meta.main) {
  const violations = await checkBoundaries();
  for (const violation of violations) console.error(violation);
  Deno.exit(violations.length > 0 ? 1 : 0);
}
