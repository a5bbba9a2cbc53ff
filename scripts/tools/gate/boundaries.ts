/**
 * Checks on the module graph that dependencies point one way: each zone imports only what it may,
 * and a path from a file or a zone never leads back to it.
 * `deno run -A scripts/tools/gate/boundaries.ts`
 */
import { isTest, sourceFiles } from "../../checkout.ts";
import { circlesOf, wayTo } from "./circles.ts";
import { type Import, moduleGraph } from "./module_graph.ts";
import { OUT_OF_REACH, type Zone, ZONES } from "./zones.ts";

/** Tests may use any package, and fixtures of the contract. */
const ALLOWED_IN_TESTS = ["node:", "npm:", "contract/"];

/** The longest path that fits decides which zone a file is in. */
export function zoneOf(path: string): Zone | undefined {
  return ZONES.filter((zone) => fits(path, zone.path))
    .sort((a, b) => b.path.length - a.path.length)[0];
}

/** Applies the rule that `Zone.imports` states. */
function allows(zone: Zone, allowed: string, to: string): boolean {
  const isAround = zone.path !== allowed && fits(zone.path, allowed) && isZone(allowed);
  const isBeside = isAround && isFolder(zoneOf(to)) && zoneOf(to)?.path !== allowed;
  return fits(to, allowed) && !isBeside;
}

const isZone = (path: string) => ZONES.some((zone) => zone.path === path);
const isFolder = (zone: Zone | undefined) => zone?.path.endsWith("/") ?? false;

/** A trailing slash or colon means a prefix; a file or a bare package must match whole. */
function fits(path: string, allowed: string): boolean {
  return /[/:]$/.test(allowed) ? path.startsWith(allowed) : path === allowed;
}

export function boundaryViolations(imports: readonly Import[]): string[] {
  return imports.flatMap(({ from, to }) => {
    const zone = zoneOf(from);
    if (!zone) return [];
    const target = zoneOf(to);
    const mayTest = isTest(from) &&
      (ALLOWED_IN_TESTS.some((allowed) => fits(to, allowed)) || isSameProgram(from, to));
    const may = target === zone || zone.imports.some((allowed) => allows(zone, allowed, to)) ||
      mayTest;
    return may ? [] : [
      `${from} imports ${to}; ${zone.path} may import ${zone.imports.join(", ") || "nothing"}`,
    ];
  });
}

/**
 * Finds zones that lead back to themselves through what they may import. A file that is a zone of
 * its own may import the folder around it, for which it wraps a package.
 */
export function zoneCircles(zones: readonly Zone[]): string[][] {
  const arrows = zones.flatMap((zone) =>
    zone.imports.flatMap((allowed) => zonesIn(allowed, zones)).map(({ path }) => path)
      .filter((to) => to !== zone.path && (isFolder(zone) || !fits(zone.path, to)))
      .map((to) => ({ from: zone.path, to }))
  );
  return circlesOf(arrows);
}

/** Returns the zone of that path, or else the zones inside it and the one around it. */
function zonesIn(allowed: string, zones: readonly Zone[]): readonly Zone[] {
  const named = zones.filter(({ path }) => path === allowed);
  return named.length > 0
    ? named
    : zones.filter(({ path }) => fits(path, allowed) || fits(allowed, path));
}

/** A zone may not load a file out of its reach, even through other files. */
export function reachViolations(imports: readonly Import[]): string[] {
  const { zones, file } = OUT_OF_REACH;
  const starts = [...new Set(imports.map(({ from }) => from))]
    .filter((path) => zones.some((zone) => fits(path, zone)) && !isTest(path));
  const way = wayTo(file, starts, imports);
  return way ? [`${way.join(" -> ")}: ${zones.join(" and ")} may not load it`] : [];
}

/** A test may set up all of its own program. */
function isSameProgram(from: string, to: string): boolean {
  return from.split("/")[0] === to.split("/")[0];
}

export async function checkBoundaries(): Promise<string[]> {
  const imports = await moduleGraph(await sourceFiles());
  const circles = [...circlesOf(imports), ...zoneCircles(ZONES)].map((members) =>
    `${members.join(" -> ")} -> ${members[0]} is a circle of imports`
  );
  return [...new Set([...boundaryViolations(imports), ...reachViolations(imports), ...circles])];
}

if (import.meta.main) {
  const violations = await checkBoundaries();
  for (const violation of violations) console.error(violation);
  Deno.exit(violations.length > 0 ? 1 : 0);
}
