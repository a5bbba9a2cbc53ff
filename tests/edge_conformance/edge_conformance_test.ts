// One table of behaviour, run in process, on Deno and on workerd with D1 and Durable Objects.
import { PLATFORMS } from "../support/edges.ts";
import { withClient } from "../support/ground.ts";
import { CASES } from "./cases/cases.ts";

for (const platform of PLATFORMS) {
  Deno.test(`The edge ${platform.name}`, async (t) => {
    await withClient(platform.start, async (client) => {
      for (const { name, run } of CASES) await t.step(name, () => run(client));
    });
  });
}
