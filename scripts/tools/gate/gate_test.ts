// If this breaks, a check of the gate misses a planted fault.
import assert from "node:assert/strict";
import { boundaryViolations, reachViolations, zoneCircles } from "./boundaries.ts";
import { circlesOf } from "./circles.ts";
import { impureFiles } from "./purity.ts";
import { crowdedFolders, missingPaths, tidyFile } from "./tidy.ts";

Deno.test("boundaryViolations() sees an import against the arrow", () => {
  const bad = [
    { from: "contract/plan/plan.ts", to: "edge/app.ts" },
    { from: "edge/app.ts", to: "gpu-function/jobs/engine.ts" },
    { from: "edge/routes/generations.ts", to: "edge/platforms/random.ts" },
    { from: "edge/limits/usage_meter.ts", to: "edge/generations/run.ts" },
    { from: "edge/platforms/process_cache.ts", to: "edge/platforms/workerd/workers_cache.ts" },
    { from: "edge/platforms/deno/main.ts", to: "edge/platforms/workerd/workers_cache.ts" },
    { from: "edge/new_zone/file.ts", to: "edge/http/json_body.ts" },
    { from: "gpu-function/jobs/service.ts", to: "db/schema.ts" },
    { from: "gpu-function/diffusion/ddim.ts", to: "contract/plan/plan.ts" },
    { from: "gpu-function/engine/rows/driver.ts", to: "npm:onnxruntime-node" },
    { from: "web/main.tsx", to: "npm:hono" },
    { from: "contract/plan/plan.ts", to: "node:crypto" },
    { from: "scripts/cli/sweep.ts", to: "scripts/lab/report/chart.ts" },
    { from: "scripts/lab/main.ts", to: "scripts/service/stack.ts" },
    { from: "scripts/service/stack.ts", to: "scripts/cli/start.ts" },
    { from: "scripts/cli/demos_test.ts", to: "tests/support/edges.ts" },
    { from: "tests/support/edges.ts", to: "scripts/tools/fuzz.ts" },
    { from: "edge/app_test.ts", to: "tests/support/edges.ts" },
    { from: "edge/app.ts", to: "scripts/checkout.ts" },
  ];
  assert.equal(boundaryViolations(bad).length, bad.length);
});

Deno.test("boundaryViolations() lets the drawn arrows pass", () => {
  assert.deepEqual(
    boundaryViolations([
      { from: "edge/app.ts", to: "contract/mod.ts" },
      { from: "edge/platforms/workerd/d1.ts", to: "db/result_queries.ts" },
      { from: "edge/platforms/deno/main.ts", to: "edge/platforms/console_log.ts" },
      { from: "edge/limits/admission.ts", to: "edge/callers/caller.ts" },
      { from: "gpu-function/onnx/inference/native_session.ts", to: "npm:onnxruntime-node" },
      { from: "contract/plan/plan_test.ts", to: "npm:fast-check" },
      { from: "scripts/cli/start.ts", to: "gpu-function/jobs/engine.ts" },
      { from: "scripts/tools/fuzz.ts", to: "tests/support/ground.ts" },
    ]),
    [],
  );
});

Deno.test("reachViolations() sees the page load the tokenizer, by way of whatever file", () => {
  const tokenizer = "contract/tokens/prompt_tokenizer.ts";
  const imports = [
    { from: "web/main.tsx", to: "client/api_client.ts" },
    { from: "client/api_client.ts", to: "contract/plan/plan.ts" },
    { from: "web/state/plan_test.ts", to: "contract/mod.ts" },
    { from: "edge/app.ts", to: "contract/mod.ts" },
    { from: "contract/mod.ts", to: tokenizer },
  ];
  assert.deepEqual(reachViolations(imports), []);
  const [violation] = reachViolations([
    ...imports,
    { from: "client/api_client.ts", to: "contract/mod.ts" },
  ]);
  assert(violation?.startsWith(`client/api_client.ts -> contract/mod.ts -> ${tokenizer}`));
});

Deno.test("circlesOf() sees the shortest way back to each file, once", () => {
  const imports = [
    { from: "a.ts", to: "b.ts" },
    { from: "b.ts", to: "c.ts" },
    { from: "b.ts", to: "d.ts" },
    { from: "c.ts", to: "d.ts" },
    { from: "d.ts", to: "b.ts" },
    { from: "e.ts", to: "a.ts" },
  ];
  assert.deepEqual(circlesOf(imports), [["b.ts", "d.ts"], ["c.ts", "d.ts", "b.ts"]]);
  assert.deepEqual(circlesOf(imports.slice(0, 4)), []);
});

Deno.test("zoneCircles() sees zones that may import each other, directly or around", () => {
  const zone = (path: string, ...imports: readonly string[]) => ({ path, imports });
  const direct = [zone("a/", "b/"), zone("b/", "npm:hono", "a/")];
  assert.deepEqual(zoneCircles(direct), [["a/", "b/"]]);
  const around = [zone("p/a/", "p/b.ts"), zone("p/b.ts", "q/"), zone("q/", "p/")];
  assert.deepEqual(zoneCircles(around), [["p/a/", "p/b.ts", "q/"]]);
  const nested = [zone("p/", "p/a/"), zone("p/a/", "p/")];
  assert.deepEqual(zoneCircles(nested), [["p/", "p/a/"]]);
  const oneWay = [zone("a/", "b/", "a/door.ts"), zone("a/door.ts", "a/", "npm:x"), zone("b/")];
  assert.deepEqual(zoneCircles(oneWay), []);
});

Deno.test("impureFiles() sees a file that needs its platform", async () => {
  const [found] = await impureFiles(["scripts/checkout.ts"]);
  assert.match(found ?? "", /Cannot find name 'Deno'/);
});

const FAULTS: readonly [name: string, path: string, source: string, expected: RegExp][] = [
  [
    "a long function",
    "edge/a.ts",
    `function f() {\n${"  1;\n".repeat(70)}}\n`,
    /function of 72 lines/,
  ],
  ["a long file", "edge/a.ts", "const a = 1;\n".repeat(401), /401 lines, at most 400/],
  ["a vague name", "edge/utils.ts", "", /named? it after its one noun/],
  ["Math.random", "gpu-function/a.ts", "Math.random();\n", /Math\.random is banned/],
  ["Date.now", "contract/a.ts", "Date.now();\n", /Date\.now is banned/],
  ["console", "edge/a.ts", "console.log(1);\n", /console\.log is banned/],
  ["|| with a number", "edge/a.ts", "const w = given || 7.5;\n", /use \?\?/],
  ["five parameters", "edge/a.ts", "function f(a, b, c, d, e) {}\n", /5 parameters/],
];

for (const [name, path, source, expected] of FAULTS) {
  Deno.test(`tidyFile() sees ${name}`, () => {
    const found = tidyFile(path, source);
    assert.equal(found.length, 1);
    assert.match(found[0] ?? "", expected);
  });
}

Deno.test("tidyFile() lets an entrypoint read the clock", () => {
  assert.deepEqual(tidyFile("edge/platforms/workerd/main.ts", "Date.now();\n"), []);
});

Deno.test("missingPaths() sees a document that names a file nobody has", () => {
  assert.deepEqual(missingPaths("X.md", "see `contract/plan/plan.ts` and `contract/gone.ts`"), [
    "X.md names contract/gone.ts, which does not exist",
  ]);
});

Deno.test("crowdedFolders() counts the source files of a folder, and nothing below it", () => {
  const names = Array.from({ length: 13 }, (_, i) => `edge/room_${i}.ts`);
  const beside = ["edge/room_test.ts", "edge/fixtures/a.ts", "edge/below/a.ts"];
  assert.deepEqual(crowdedFolders([...names, ...beside]), []);
  assert.deepEqual(crowdedFolders([...names, "edge/more.ts"]), ["edge/: 14 files, at most 13"]);
});
