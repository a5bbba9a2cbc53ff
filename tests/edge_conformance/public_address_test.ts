// If this breaks, the URLs in answers lead to an address that only the edge's own machine knows.
import assert from "node:assert/strict";
import type { ConformanceClient } from "../support/conformance_client.ts";
import { PLATFORMS } from "../support/edges.ts";
import { withClient } from "../support/ground.ts";

const PATH = "/v1/images/generations";
const TLS_PROXY = { "x-forwarded-proto": "https", "x-forwarded-host": "images.example.org" };

async function addresses(client: ConformanceClient, headers: Record<string, string>) {
  const { model, prompt, seed } = client.fresh();
  const body = { model, prompt, seed, response_format: "url" };
  const response = await client.post(body, { path: PATH, headers });
  const { data: [image] } = await response.json();
  const document = await client.request("/v1/openapi.json", { headers });
  const { servers: [server] } = await document.json();
  return { image: image.url.replace(/[0-9a-f]{64}/, "ID"), server: server.url };
}

for (const { name, start } of PLATFORMS) {
  Deno.test(`URLs in answers begin with PUBLIC_URL, ${name}`, async () => {
    const environment = { PUBLIC_URL: "https://example.org/pictures/" };
    await withClient(start, async (client) => {
      assert.deepEqual(await addresses(client, TLS_PROXY), {
        image: "https://example.org/pictures/v1/images/ID.png",
        server: "https://example.org/pictures",
      });
    }, { environment });
  });

  Deno.test(`URLs in answers follow a trusted proxy, ${name}`, async () => {
    await withClient(start, async (client) => {
      assert.deepEqual(await addresses(client, TLS_PROXY), {
        image: "https://images.example.org/v1/images/ID.png",
        server: "https://images.example.org",
      });
    }, { environment: { TRUSTED_PROXIES: "1" } });
  });

  Deno.test(`URLs in answers follow no other proxy, ${name}`, async () => {
    await withClient(start, async (client, edge) => {
      const own = edge.url ?? "http://localhost";
      assert.deepEqual(await addresses(client, TLS_PROXY), {
        image: `${own}/v1/images/ID.png`,
        server: own,
      });
    });
  });
}
