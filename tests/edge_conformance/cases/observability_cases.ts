/** How a request can be followed from outside, on every platform. */
import assert from "node:assert/strict";
import type { Case } from "./case.ts";
import { FrameReader, idOf, readFrames } from "../../support/conformance_client.ts";

/** Names and descriptions of the parts of `Server-Timing`. */
function partsOf(response: Response): Map<string, string> {
  const parts = (response.headers.get("server-timing") ?? "").split(",");
  return new Map(parts.map((part) => {
    const [name = "", ...rest] = part.trim().split(";");
    return [name, rest.join(";")] as const;
  }));
}

export const OBSERVABILITY_CASES: readonly Case[] = [
  {
    name: "keeps a client's request id, on the answer, in a problem and to the GPU function",
    async run(client) {
      const headers = { "x-request-id": "from-the_client=1" };
      const response = await client.post(client.fresh(), { headers });
      assert.equal(response.headers.get("x-request-id"), "from-the_client=1");
      await readFrames(response);
      assert.equal(client.gpu.puts.at(-1)?.requestId, "from-the_client=1");
      const refused = await client.post({ ...client.fresh(), seed: -1 }, { headers });
      assert.equal((await refused.json()).request_id, "from-the_client=1");
      const cached = await client.request("/v1/models", { headers });
      await cached.body?.cancel();
      assert.equal(cached.headers.get("x-request-id"), "from-the_client=1");
    },
  },
  {
    name: "names a request itself whose id is not well-formed, in every kind of problem",
    async run(client) {
      const headers = { "x-request-id": "a b<script>" };
      const paths = ["/v1/nowhere", `/v1/generations/${"e".repeat(64)}`, "/v1/models/none"];
      const ids = [];
      for (const path of paths) {
        const response = await client.request(path, { headers });
        const { request_id } = await response.json();
        assert.equal(response.status, 404);
        assert.equal(response.headers.get("x-request-id"), request_id);
        assert.match(request_id, /^[0-9a-f-]{36}$/);
        ids.push(request_id);
      }
      assert.equal(new Set(ids).size, paths.length);
    },
  },
  {
    name: "tells where the time of a submission went, and whether a stored result answered",
    async run(client) {
      const request = client.fresh();
      const miss = await client.post(request);
      await readFrames(miss);
      assert.deepEqual([...partsOf(miss).keys()].sort(), ["cache", "db", "plan", "room", "total"]);
      assert.equal(partsOf(miss).get("cache"), 'desc="miss"');
      assert.match(partsOf(miss).get("plan") ?? "", /^dur=\d+(\.\d+)?$/);
      const hit = await client.post(request, { headers: { accept: "application/json" } });
      await hit.body?.cancel();
      assert.deepEqual([...partsOf(hit).keys()].sort(), ["cache", "db", "plan", "total"]);
      assert.equal(partsOf(hit).get("cache"), 'desc="hit"');
      assert.equal(hit.headers.get("x-begun-here"), null);
    },
  },
  {
    name: "does not tell a client that somebody else had begun its run",
    async run(client) {
      const request = client.fresh();
      client.gpu.script(request.seed, { pauseAfter: 6 });
      const first = await client.post(request);
      const second = await client.post(request);
      const readers = [first, second].map((response) => new FrameReader(response));
      const heads = await Promise.all(readers.map((reader) => reader.until(6)));
      client.gpu.release(idOf(heads[0] ?? []));
      await Promise.all(readers.map((reader) => reader.rest()));
      const caches = [first, second].map((response) => partsOf(response).get("cache"));
      assert.deepEqual(caches, ['desc="miss"', 'desc="miss"']);
    },
  },
];
