// The worker's cron trigger, as the platform calls it: it deletes what is beyond the budget.
import assert from "node:assert/strict";
import { startWorkerd } from "../support/edges.ts";
import { withClient } from "../support/ground.ts";

Deno.test("On workerd the cron trigger deletes results beyond the budget", async () => {
  const environment = { CACHE_BYTES: "0" };
  await withClient(startWorkerd, async (client) => {
    const request = client.fresh();
    await client.json(request);
    const isStored = async () => {
      const response = await client.post(request, { path: "/v1/plans" });
      return (await response.json()).cached;
    };
    const trigger = async (hours: number, minutes: number) => {
      const time = Date.UTC(2026, 10, 25, hours, minutes);
      await (await client.request(`/cdn-cgi/handler/scheduled?time=${time}`)).body?.cancel();
    };
    await trigger(18, 7);
    assert.equal(await isStored(), true, "it is not time yet");
    await trigger(18, 15);
    assert.equal(await isStored(), false);
  }, { environment });
});
