// The whole service with the edge on Deno: page, API, SQLite, and one request id in both programs.
import assert from "node:assert/strict";
import { startStack } from "../../scripts/service/stack.ts";
import { readMetric } from "./service_client.ts";

Deno.test("deno task start:deno draws, asks once, counts, and names a request in both logs", async () => {
  const dataDir = await Deno.makeTempDir();
  const stack = await startStack({
    port: 0,
    gpuPort: 0,
    dataDir,
    quiet: true,
    platform: "deno",
  });
  try {
    const post = async () => {
      const response = await fetch(`${stack.url}/v1/generations`, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          "idempotency-key": "once",
          "x-request-id": "from-outside",
        },
        body: JSON.stringify({ prompt: "a blue bird", num_inference_steps: 4 }),
      });
      assert.equal(response.headers.get("x-request-id"), "from-outside");
      return await response.json();
    };
    const [first, again] = [await post(), await post()];
    assert.deepEqual([first.status, again.cached], ["succeeded", true]);
    assert.equal(again.id, first.id, "the seed was drawn once");
    const page = await fetch(stack.url);
    assert.match(await page.text(), /<title>Shapefirst<\/title>/);
    assert.equal(await readMetric(stack.url, 'shapefirst_edge_answers_total{cache="hit"}'), 1);
    for (const { output } of [stack.edge, stack.gpu]) {
      assert.match(output(), /"request_id":"from-outside"/);
      assert(!output().includes("blue bird"), "a prompt is in a log");
    }
  } finally {
    await stack.stop();
    await Deno.remove(dataDir, { recursive: true });
  }
  assert.match(stack.edge.output(), /"message":"Stopped"/);
});
