// One table of permissions, run in process, on Deno and on workerd.
import { PLATFORMS } from "../support/edges.ts";
import { withAccessBench } from "../support/access_bench.ts";
import { ACCESS_CASES } from "./cases/access_cases.ts";
import { CANCEL_CASES } from "./cases/cancel_cases.ts";
import { WEBHOOK_CASES } from "./cases/webhook_cases.ts";

for (const platform of PLATFORMS) {
  Deno.test(`Access to the edge ${platform.name}`, async (t) => {
    await withAccessBench(platform, async (bench) => {
      for (const { name, run } of [...ACCESS_CASES, ...CANCEL_CASES, ...WEBHOOK_CASES]) {
        await t.step(name, () => run(bench));
      }
    });
  });
}
