// If this breaks, images are begun for clients that are gone, and their accounts pay for them.
import assert from "node:assert/strict";
import { type ConformanceClient, FrameReader, idOf } from "../support/conformance_client.ts";
import { PLATFORMS } from "../support/edges.ts";
import { withClient } from "../support/ground.ts";

const PATH = "/v1/images/generations";

/** Leaves while the first of its n images is drawn. Returns how many runs were begun for it. */
async function leaveEarly(client: ConformanceClient, n: number, headers: Record<string, string>) {
  // Its seed, and those of the images behind it.
  const [request = client.fresh()] = Array.from({ length: n }, () => client.fresh());
  client.gpu.script(request.seed, { pauseAfter: 14 });
  const { started } = client.gpu;
  const leave = new AbortController();
  const answer = client.request(PATH, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ ...request, n }),
    signal: leave.signal,
  }).then((response) => response.status, () => null);
  // Joins the first image's run, or begins it and is joined by the one that leaves.
  const joined = new FrameReader(await client.post(request));
  const id = idOf(await joined.until(14));
  leave.abort();
  // By the end of another one the edge has heard who has left, and has begun what it would.
  await client.json(client.fresh());
  client.gpu.release(id);
  await joined.rest();
  await answer;
  await client.json(client.fresh());
  return client.gpu.started - started - 2;
}

// Wrangler's own proxies do not pass on to a local worker that its client has left; Cloudflare does.
for (const { name, start } of PLATFORMS.filter(({ name }) => name !== "on workerd")) {
  Deno.test(`A client that leaves lets its run go on, and begins no other, ${name}`, async () => {
    await withClient(start, async (client) => {
      const cases: readonly (readonly [number, Record<string, string>])[] = [
        [1, {}],
        [2, {}],
        [4, {}],
        // The body is read before the route, and put into another request.
        [4, { "idempotency-key": "leaving" }],
        [3, { "accept": "text/event-stream" }],
      ];
      for (const [n, headers] of cases) {
        assert.equal(await leaveEarly(client, n, headers), 1, `${n} ${JSON.stringify(headers)}`);
      }
    });
  });
}
