// If this breaks, whoever reaches the port of `deno task start` reaches its database, too.
import assert from "node:assert/strict";
import { createKeys, ENVIRONMENT, withKey } from "../support/access_bench.ts";
import { type Edge, PLATFORMS } from "../support/edges.ts";
import { withClient } from "../support/ground.ts";

const EXPLORER = "/cdn-cgi/local/explorer";
const DATABASE = `${EXPLORER}/api/d1/database/00000000-0000-0000-0000-000000000000`;
const SQL = JSON.stringify({ sql: "update api_keys set revoked_at = 1" });
const JSON_BODY = { method: "POST", body: SQL, headers: { "content-type": "application/json" } };

/** Requests to what wrangler and miniflare serve beside the worker, and the answers allowed. */
const CLOSED: readonly (readonly [path: string, init: RequestInit, statuses: number[]])[] = [
  [EXPLORER, {}, [404]],
  [`${EXPLORER}/`, {}, [404]],
  [`${EXPLORER}/api/d1/database`, {}, [404]],
  [`${DATABASE}/raw`, JSON_BODY, [404]],
  [`${DATABASE}/query`, JSON_BODY, [404]],
  [`${EXPLORER}/api/workers/durable_objects/namespaces`, {}, [404]],
  [`${EXPLORER}/api/local/workers`, {}, [404]],
  ["/cdn-cgi/explorer/api/d1/database", {}, [404]],
  ["/cdn-cgi/local/platform-proxy", {}, [400]],
  ["/cdn-cgi/local/platform-proxy", { headers: { "mf-op": "GET", "mf-op-key": "DB" } }, [401]],
  [
    "/cdn-cgi/local/platform-proxy",
    { headers: { "mf-op": "GET", "mf-op-key": "DB", "mf-op-secret": "00".repeat(16) } },
    [401],
  ],
  ["/v1/models", { headers: { "mf-proxy-shared-secret": "guessed" } }, [400]],
  ["/cdn-cgi/local/r2/s3/bucket", {}, [404]],
  ["/cdn-cgi/local/r2/public/bucket/key", {}, [404]],
  ["/cdn-cgi/local/email?from=a@example.org&to=b@example.org", JSON_BODY, [400, 500]],
  ["/cdn-cgi/mf/reload", {}, [404]],
  ["/cdn-cgi/ProxyWorker/pause", { method: "POST" }, [404]],
  ["/cdn-cgi/InspectorProxyWorker/websocket", {}, [404]],
];

/** A time at which everything that is promised now would be old. */
const LATER = Date.UTC(2126, 0, 1);

async function statusOf(edge: Edge, path: string, init: RequestInit = {}): Promise<number> {
  const response = await edge.request(path, init);
  await response.body?.cancel();
  return response.status;
}

Deno.test("On workerd nothing that stands beside the worker opens its database", async (t) => {
  const workerd = PLATFORMS.find(({ name }) => name === "on workerd");
  assert(workerd);
  await withClient(workerd.start, async (client, edge, { dataDir }) => {
    const { own } = await createKeys((sql) => workerd.execute(dataDir, sql));
    for (const [path, init, statuses] of CLOSED) {
      await t.step(`${init.method ?? "GET"} ${path}`, async () => {
        const status = await statusOf(edge, path, init);
        assert(statuses.includes(status), String(status));
      });
    }
    await t.step("a key that the explorer was told to revoke is still good", async () => {
      assert.equal(await statusOf(edge, "/v1/usage", { headers: withKey(own) }), 200);
    });
    for (const route of ["/cdn-cgi/local/scheduled", "/cdn-cgi/handler/scheduled"]) {
      await t.step(`${route} with a time to come forgets nothing that is promised`, async () => {
        const { seed: _, ...request } = client.fresh();
        const headers = { ...withKey(own), "idempotency-key": `"${route}"` };
        const place = async () => {
          const response = await client.post(request, { headers });
          await response.text();
          return response.headers.get("location");
        };
        const before = await place();
        assert(before !== null);
        assert.equal(await statusOf(edge, `${route}?time=${LATER}`), 200);
        assert.equal(await place(), before);
      });
    }
  }, { environment: ENVIRONMENT });
});
