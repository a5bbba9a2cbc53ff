/** From published files alone, the edge must plan the GPU function's key for every family. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { createAssetModels } from "../../edge/platforms/asset_models.ts";
import { planRequest } from "../../edge/generations/planning.ts";
import { readPolicySettings } from "../../edge/policy/policy_settings.ts";
import { promptPolicyOf } from "../../edge/policy/prompt_policy.ts";
import { publishModels } from "../../scripts/service/publish_models.ts";
import { FAMILIES, FIXTURES, readGoldens, requestOf } from "./goldens.ts";
import { planOf, withModel } from "./observed_run.ts";

const promptPolicy = promptPolicyOf(readPolicySettings({}));

for (const family of FAMILIES) {
  Deno.test(`${family}: edge and GPU function plan alike`, async () => {
    const dist = await Deno.makeTempDir();
    try {
      const modelsDir = join(FIXTURES, family);
      assert.deepEqual(await publishModels(modelsDir, dist), ["package"]);
      const models = createAssetModels(async (path) =>
        JSON.parse(await Deno.readTextFile(join(dist, path)))
      );
      const { cases } = await readGoldens(family);
      await withModel(join(modelsDir, "package"), async (model) => {
        for (const golden of cases) {
          const input = requestOf(golden, "package");
          const planned = await planRequest(
            { models, promptPolicy, drawSeed: () => 0 },
            input,
            { account: "anonymous", keyed: false },
          );
          assert.ok(planned.ok, planned.ok ? "" : planned.problem.detail);
          assert.deepEqual(planned.value.plan, planOf(model, input));
        }
      });
    } finally {
      await Deno.remove(dist, { recursive: true });
    }
  });
}
