// Broken here: docs/operating.md names a variable or a default that the program does not have.
import assert from "node:assert/strict";
import { readProcessSettings } from "../edge/platforms/deno/process_settings.ts";
import { readSettings } from "../edge/settings.ts";
import { parseConfig } from "../gpu-function/server/config.ts";

const page = await Deno.readTextFile(new URL("../docs/operating.md", import.meta.url));

/** The default in each variable's cell, in the tables whose headings belong to the program. */
function defaultsOn(page: string, belongs: (heading: string) => boolean): Map<string, string> {
  const tables = page.match(/^\| Variable.*(\n\|.*)+/gm) ?? [];
  const rows = tables.map((table) => table.split("\n"))
    .filter(([heading = ""]) => belongs(heading)).flatMap(([_heading, _line, ...rows]) => rows);
  return new Map(rows.flatMap((row) => {
    const [, names = "", standard = ""] = row.split("|");
    return (names.match(/[A-Z_]+/g) ?? []).map((name) => [name, standard.trim()] as const);
  }));
}

/** Variables set to the defaults that the page names. */
function setAsOn(defaults: ReadonlyMap<string, string>): Record<string, string> {
  const set = [...defaults].filter(([, standard]) => /^`[^`]+`$/.test(standard));
  return Object.fromEntries(set.map(([name, standard]) => [name, standard.slice(1, -1)]));
}

Deno.test("docs/operating.md has the GPU function's variables, no others, and their defaults", () => {
  const defaults = defaultsOn(page, (heading) => heading.includes("GPU function"));
  const read = new Set<string>();
  const parse = (given: Record<string, string>) =>
    parseConfig((name) => (read.add(name), given[name]), "gpu-function/models");
  assert.deepEqual(parse(setAsOn(defaults)), parse({}));
  assert.deepEqual([...defaults.keys()].sort(), [...read].sort());
});

Deno.test("docs/operating.md has every variable of the edge, and their defaults", () => {
  const ofGpuAlone = "| Variable of the GPU function |";
  const defaults = defaultsOn(page, (heading) => !heading.startsWith(ofGpuAlone));
  const read = new Set<string>();
  const parse = (given: Record<string, string>) => {
    const environment = new Proxy(given, {
      get: (given, name) => (read.add(String(name)), given[String(name)]),
    });
    return { ...readProcessSettings(environment), ...readSettings(environment) };
  };
  assert.deepEqual(parse(setAsOn(defaults)), parse({}));
  parse({ BACKEND: "replicate", REPLICATE_API_TOKEN: "r8_0", REPLICATE_MODEL: "owner/name" });
  assert.deepEqual([...read].filter((name) => !defaults.has(name)), []);
});
