// One table of who may do what, run in process, on Deno and on workerd.
import { type Platform, withAccessBench } from "./access_bench.ts";
import { ACCESS_CASES } from "./access_cases.ts";
import { WEBHOOK_CASES } from "./webhook_cases.ts";

const PLATFORMS: readonly Platform[] = ["in process", "on Deno", "on workerd"];

for (const platform of PLATFORMS) {
  Deno.test(`Access to the edge ${platform}`, async (t) => {
    await withAccessBench(platform, async (bench) => {
      for (const { name, run } of [...ACCESS_CASES, ...WEBHOOK_CASES]) {
        await t.step(name, () => run(bench));
      }
    });
  });
}
