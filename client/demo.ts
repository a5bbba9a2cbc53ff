/** The curated demos that the service lists. */
import { type Demo, parseDemo } from "../contract/resources/demo_resource.ts";

export type { Demo };

/** Reads the answer of `GET /v1/demos`. Demos in a newer service's unknown form are left out. */
export function parseDemos({ demos }: Readonly<Record<string, unknown>>): Demo[] {
  if (!Array.isArray(demos)) return [];
  return demos.map(parseDemo).flatMap((demo) => demo.ok ? [demo.value] : []);
}
