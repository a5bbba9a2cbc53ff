/** Finds where imports lead: back to their file, or to one that is out of bounds. Pure. */
import type { Import } from "./module_graph.ts";

/** Returns the shortest circle through each file that is not on a circle found before. */
export function circlesOf(imports: readonly Import[]): string[][] {
  const targets = targetsOf(imports);
  const circles: string[][] = [];
  for (const file of targets.keys()) {
    if (circles.some((circle) => circle.includes(file))) continue;
    const circle = shortestWay(file, file, targets);
    if (circle) circles.push(circle);
  }
  return circles.sort((a, b) => a.length - b.length);
}

/** Returns the shortest way from any start to the forbidden file; null where there is none. */
export function wayTo(
  file: string,
  starts: readonly string[],
  imports: readonly Import[],
): string[] | null {
  const targets = targetsOf(imports);
  const ways = starts.flatMap((start) => {
    const way = shortestWay(start, file, targets);
    return way ? [[...way, file]] : [];
  });
  return ways.sort((a, b) => a.length - b.length)[0] ?? null;
}

type Targets = ReadonlyMap<string, readonly string[]>;

function targetsOf(imports: readonly Import[]): Targets {
  const targets = new Map<string, string[]>();
  for (const { from, to } of imports) targets.set(from, [...targets.get(from) ?? [], to]);
  return targets;
}

/** Searches breadth first. Returns the way without its end; null where there is none. */
function shortestWay(start: string, end: string, targets: Targets): string[] | null {
  const ways: string[][] = [[start]];
  const seen = new Set<string>();
  for (const way of ways) {
    for (const to of targets.get(way.at(-1) ?? "") ?? []) {
      if (to === end) return way;
      if (seen.has(to)) continue;
      seen.add(to);
      ways.push([...way, to]);
    }
  }
  return null;
}
