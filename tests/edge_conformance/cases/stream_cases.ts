/** How streams are read: at once or paced, fast or slowly. */
import assert from "node:assert/strict";
import type { Case } from "./case.ts";
import {
  assertProblem,
  FrameReader,
  idOf,
  readFrames,
  typesOf,
} from "../../support/conformance_client.ts";

const PAUSE_MS = 300;

export const STREAM_CASES: readonly Case[] = [
  {
    name: "replays a finished generation with the pauses of its run, where that is asked for",
    async run(client) {
      const request = client.fresh();
      client.gpu.script(request.seed, { pauseAfter: 6 });
      const reader = await client.open(request);
      const head = await reader.until(6);
      const id = idOf(head);
      await new Promise((done) => setTimeout(done, PAUSE_MS));
      client.gpu.release(id);
      const whole = [...head, ...await reader.rest()];
      const followed = `/v1/generations/${id}/events?pace=live`;
      const began = performance.now();
      assert.deepEqual(await readFrames(await client.request(followed)), whole);
      // Timers may fire a little early.
      assert(performance.now() - began > 0.9 * PAUSE_MS, "it did not wait");
      const posted = await client.post(request, { path: "/v1/generations?pace=live" });
      const again = new FrameReader(posted);
      const early = await again.until(6);
      await again.leave();
      assert.deepEqual(early, head);
      const rest = await client.request(`${followed}&last_event_id=24`);
      assert.deepEqual(await readFrames(rest), whole.slice(25));
    },
  },
  {
    name: "gives a reader that is far behind the newest preview, and every step and the end",
    async run(client) {
      const request = client.fresh({ previews: { every: 1 } });
      // The previews are 38 MB in all, and the log keeps 24 MB of them.
      client.gpu.script(request.seed, { pauseAfter: 1, previewBytes: 1_500_000 });
      const slow = await client.open(request);
      const id = idOf(await slow.until(1));
      client.gpu.release(id);
      await readFrames(await client.follow(id));
      const types = new Map<string, number>();
      const rest = await slow.rest();
      for (const type of typesOf(rest)) types.set(type, (types.get(type) ?? 0) + 1);
      assert.deepEqual([types.get("step"), types.get("image"), types.get("completed")], [20, 1, 1]);
      const previews = rest.flatMap(({ event }) =>
        event.type === "generation.preview" ? [event.step] : []
      );
      assert.equal(previews.at(-1), 18, "the newest");
      // Sockets and the platform hold some (10 were seen). Without skipping, all 19 would be sent.
      assert(previews.length < 15, `${previews.length} of 19 previews, ${previews}`);
    },
  },
  {
    name: "streams to whoever accepts it by the grammar of Accept, and to nobody else",
    async run(client) {
      const request = client.fresh();
      await readFrames(await client.post(request));
      const typeFor = async (accept: string) => {
        const response = await client.post(request, { headers: { accept } });
        await response.body?.cancel();
        return response.headers.get("content-type");
      };
      const streamed = ["Text/Event-Stream", "text/event-stream;q=0.5", "text/*, application/json"];
      for (const accept of streamed) {
        assert.equal(await typeFor(accept), "text/event-stream", accept);
      }
      const whole = ["text/event-stream;q=0, application/json", "text/event-streaming", "*/*"];
      for (const accept of whole) assert.equal(await typeFor(accept), "application/json", accept);
    },
  },
  {
    name: "takes the cursor from the query under each of its names, as long as they agree",
    async run(client) {
      const id = idOf(await client.stream(client.fresh()));
      const follow = (query: string, headers: Record<string, string> = {}) =>
        client.request(`/v1/generations/${id}/events?${query}`, { headers });
      const names = ["last_event_id=20", "lastEventId=20", "Last-Event-ID=20"];
      for (const query of [...names, names.join("&"), "lastEventId=&last_event_id=20"]) {
        assert.equal((await readFrames(await follow(query)))[0]?.id, 21, query);
      }
      // A browser that reconnects keeps the URL of its first connection, and adds the header.
      const again = await readFrames(await follow("lastEventId=3", { "last-event-id": "20" }));
      assert.equal(again[0]?.id, 21);
      for (const query of ["lastEventId=3&last_event_id=4", "Last-Event-ID=x", "lastEventId=-1"]) {
        const refused = { status: 400, code: "invalid_request", field: "Last-Event-ID" };
        await assertProblem(await follow(query), refused);
      }
    },
  },
  {
    name: "refuses a field of the query by name that the route does not know",
    async run(client) {
      const request = client.fresh();
      const id = idOf(await client.stream(request));
      const paths = [
        `/v1/generations/${id}/events?cursor=3`,
        `/v1/generations/${id}?cursor=3`,
        `/v1/images/${id}.png?cursor=3`,
        "/v1/models?cursor=3",
        "/v1/models/fixture?cursor=3",
        "/v1/demos?cursor=3",
        "/v1/openapi.json?cursor=3",
        `/v1/sweeps/${id}/events?cursor=3`,
      ];
      const refused = { status: 400, code: "invalid_request", field: "cursor" };
      for (const path of paths) await assertProblem(await client.request(path), refused);
      for (const path of ["/v1/generations?cursor=3", "/v1/sweeps?cursor", "/v1/plans?cursor=3"]) {
        await assertProblem(await client.post(request, { path }), refused);
      }
      // Whoever leaves it out gets what was asked for, under the same key.
      const headers = { "idempotency-key": `query-${request.seed}` };
      const twice = { path: "/v1/generations?pace=live&pace=live", headers };
      await assertProblem(await client.post(request, twice), { ...refused, field: "pace" });
      await readFrames(await client.post(request, { headers }));
      // What is not there is not there, whatever it is asked.
      for (const path of ["/v1/nothing?cursor=3", "/v1/images/x.gif?cursor=3"]) {
        await assertProblem(await client.request(path), { status: 404, code: "not_found" });
      }
      const wrong = await client.request("/v1/models?cursor=3", { method: "DELETE" });
      await assertProblem(wrong, { status: 405, code: "method_not_allowed" });
      assert.equal((await client.request("/health?probe=1")).status, 200);
    },
  },
  {
    name: "refuses a pace that it does not know",
    async run(client) {
      const frames = await client.stream(client.fresh());
      for (
        const response of [
          await client.post(client.fresh(), { path: "/v1/generations?pace=slow" }),
          await client.request(`/v1/generations/${idOf(frames)}/events?pace=`),
        ]
      ) {
        await assertProblem(response, { status: 400, code: "invalid_request", field: "pace" });
      }
    },
  },
];
