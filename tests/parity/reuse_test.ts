// Broken here: a run that reuses deep features draws something else than a loop around a graph cut elsewhere.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { LATENTS_BOUND, relativeL2 } from "./difference.ts";
import { observeRuns, planOf, withModel } from "./observed_run.ts";
import { withPackageCopy } from "./package_copy.ts";
import RECORDED from "./fixtures/reuse.json" with { type: "json" };
import { parseGenerationRequest } from "../../contract/mod.ts";

type Recorded = typeof RECORDED["cases"][number];

function requestOf(
  model: string,
  { name: _, guided, tail, whole_steps, latents, ...fields }: Recorded,
) {
  assert(whole_steps.length > 0 && latents.length > 0);
  const request = parseGenerationRequest({
    ...fields,
    model,
    ...(tail === null ? {} : { cutoff: { guided_steps: guided, tail } }),
  });
  assert(request.ok, request.ok ? "" : request.problem.detail);
  return request.value;
}

async function withCuts(folder: string): Promise<void> {
  const file = join(folder, "shapefirst.json");
  const content = JSON.parse(await readFile(file, "utf8").catch(() => "{}"));
  const cuts = RECORDED.cuts.map((value, i) => ({ value, compute: 0.2 * (i + 1) }));
  await writeFile(file, JSON.stringify({ ...content, cuts }));
}

for (const [together, rowsMax] of [["alone", 1], ["in one batch", 8]] as const) {
  Deno.test(`runs that reuse features, ${together}, end where the recorded ones do`, async () => {
    await withPackageCopy("sd1", { change: withCuts }, async (modelsDir) => {
      await withModel(join(modelsDir, "package"), async (model) => {
        const plans = RECORDED.cases.map((recorded) =>
          planOf(model, requestOf(model.manifest.id, recorded))
        );
        const runs = await observeRuns(model, plans, rowsMax);
        for (const [i, { name, whole_steps, latents }] of RECORDED.cases.entries()) {
          assert.deepEqual(plans[i]?.reuse?.whole_steps, whole_steps, name);
          const apart = relativeL2(runs[i]!.latents.data, Float32Array.from(latents));
          assert(apart < LATENTS_BOUND, `${name}: ${apart}`);
        }
      }, { rowsMax });
    });
  });
}
