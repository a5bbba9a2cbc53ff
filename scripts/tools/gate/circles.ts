/** Files whose imports lead back to them. Pure. */
import type { Import } from "./module_graph.ts";

/** The shortest way back to each file that has one, unless the file is on a way found before. */
export function circlesOf(imports: readonly Import[]): string[][] {
  const targets = new Map<string, string[]>();
  for (const { from, to } of imports) targets.set(from, [...targets.get(from) ?? [], to]);
  const circles: string[][] = [];
  for (const file of targets.keys()) {
    if (circles.some((circle) => circle.includes(file))) continue;
    const circle = wayBack(file, targets);
    if (circle) circles.push(circle);
  }
  return circles.sort((a, b) => a.length - b.length);
}

/** The shortest way from a file to itself, breadth first; null where there is none. */
function wayBack(file: string, targets: ReadonlyMap<string, readonly string[]>): string[] | null {
  const ways: string[][] = [[file]];
  const seen = new Set<string>();
  for (const way of ways) {
    for (const to of targets.get(way.at(-1) ?? "") ?? []) {
      if (to === file) return way;
      if (seen.has(to)) continue;
      seen.add(to);
      ways.push([...way, to]);
    }
  }
  return null;
}
