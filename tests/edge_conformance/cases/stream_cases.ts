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
