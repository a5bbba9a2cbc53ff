/** What an `Idempotency-Key` promises, on every platform. */
import assert from "node:assert/strict";
import type { Case } from "./case.ts";
import {
  assertProblem,
  type ConformanceClient,
  FrameReader,
  idOf,
  readFrames,
  typesOf,
} from "../../support/conformance_client.ts";

/** A request without a seed: without a key it would be another generation each time. */
const UNSEEDED = { model: "fixture", prompt: "a brown chair" };
const JSON_ONLY = { accept: "application/json" };

const keyed = (key: string, headers: Record<string, string> = {}) => ({
  headers: { "idempotency-key": key, ...headers },
});

/** A key that no other case uses. */
const freshKey = (client: ConformanceClient) => `key of ${client.fresh().seed}`;

export const IDEMPOTENCY_CASES: readonly Case[] = [
  {
    name: "answers a repeated key with the generation it led to, though its seed was drawn",
    async run(client) {
      const key = freshKey(client);
      const { started } = client.gpu;
      const first = await client.post(UNSEEDED, keyed(key));
      assert.equal(first.headers.get("idempotency-replayed"), null);
      const frames = await readFrames(first);
      for (const spelling of [key, `"${key}"`]) {
        const again = await client.post(UNSEEDED, keyed(spelling));
        assert.equal(again.headers.get("idempotency-replayed"), "true");
        const repeated = await readFrames(again);
        assert.deepEqual(
          repeated.map(({ data }) => data.replace('"cached":true', '"cached":false')),
          frames.map(({ data }) => data),
        );
      }
      const shown = await (await client.post(UNSEEDED, keyed(key, JSON_ONLY))).json();
      assert.deepEqual([shown.id, shown.cached], [idOf(frames), true]);
      assert.equal(client.gpu.started - started, 1);
      const other = await client.post(UNSEEDED, keyed(freshKey(client)));
      assert.notEqual(idOf(await readFrames(other)), idOf(frames));
    },
  },
  {
    name: "makes one generation of 40 equal requests under one key that come at once",
    async run(client) {
      const key = freshKey(client);
      const { started } = client.gpu;
      const responses = await Promise.all(
        Array.from({ length: 40 }, () => client.post(UNSEEDED, keyed(key))),
      );
      const ids = await Promise.all(responses.map(async (r) => idOf(await readFrames(r))));
      assert.equal(new Set(ids).size, 1);
      assert.equal(client.gpu.started - started, 1);
    },
  },
  {
    name: "follows a stream again under its key, from Last-Event-ID",
    async run(client) {
      const key = freshKey(client);
      const whole = await readFrames(await client.post(UNSEEDED, keyed(key)));
      const rest = await client.post(UNSEEDED, keyed(key, { "last-event-id": "20" }));
      assert.deepEqual((await readFrames(rest)).map(({ id }) => id), [21, 22, 23, 24, 25, 26]);
      const wrong = await client.post(UNSEEDED, keyed(key, { "last-event-id": "x" }));
      await assertProblem(wrong, { status: 400, code: "invalid_request", field: "Last-Event-ID" });
      const joined = await readFrames(await client.post(UNSEEDED, keyed(key)));
      assert.equal(idOf(joined), idOf(whole));
    },
  },
  {
    name: "refuses a key that comes with another body, or to another path",
    async run(client) {
      const key = freshKey(client);
      await readFrames(await client.post(UNSEEDED, keyed(key)));
      const puts = client.gpu.puts.length;
      const mismatch = { status: 422, code: "idempotency_mismatch" };
      const other = { ...UNSEEDED, prompt: "a brown chair " };
      await assertProblem(await client.post(other, keyed(key)), mismatch);
      const sweep = { path: "/v1/sweeps", ...keyed(key) };
      await assertProblem(await client.post(UNSEEDED, sweep), mismatch);
      assert.equal(client.gpu.puts.length, puts);
    },
  },
  {
    name: "repeats a refusal of the request under its key",
    async run(client) {
      const key = freshKey(client);
      const refused = { status: 400, code: "invalid_request", field: "num_inference_steps" };
      const body = { ...UNSEEDED, num_inference_steps: 0 };
      const first = await assertProblem(await client.post(body, keyed(key)), refused);
      const again = await client.post(body, keyed(key));
      const { detail } = await assertProblem(again, refused);
      assert.equal(detail, first.detail);
      assert.equal(again.headers.get("idempotency-replayed"), "true");
    },
  },
  {
    name: "lets a request succeed under its key that was refused for the moment",
    async run(client) {
      const request = client.fresh();
      const key = freshKey(client);
      client.gpu.script(request.seed, { refuse: "at_capacity" });
      const refused = await client.post(request, keyed(key));
      await assertProblem(refused, { status: 503, code: "at_capacity" });
      client.gpu.script(request.seed, { fail: true });
      const failed = await readFrames(await client.post(request, keyed(key)));
      assert.equal(typesOf(failed).at(-1), "failed");
      client.gpu.script(request.seed, {});
      const succeeded = await readFrames(await client.post(request, keyed(key)));
      assert.equal(typesOf(succeeded).at(-1), "completed");
    },
  },
  {
    name: "joins the run of its key while that is under way",
    async run(client) {
      const request = client.fresh();
      const key = freshKey(client);
      client.gpu.script(request.seed, { pauseAfter: 6 });
      const { started } = client.gpu;
      const first = new FrameReader(await client.post(request, keyed(key)));
      const head = await first.until(6);
      const second = new FrameReader(await client.post(request, keyed(key)));
      assert.deepEqual(await second.until(6), head);
      client.gpu.release(idOf(head));
      assert.deepEqual(await second.rest(), await first.rest());
      assert.equal(client.gpu.started - started, 1);
    },
  },
  {
    name: "answers a repeated key with the sweep it led to, though its seed was drawn",
    async run(client) {
      const key = freshKey(client);
      const options = { path: "/v1/sweeps", ...keyed(key, JSON_ONLY) };
      const body = { base: UNSEEDED, cutoffs: [{ a: 0 }, { a: 10 }] };
      const first = await (await client.post(body, options)).json();
      const again = await (await client.post(body, options)).json();
      assert.deepEqual([first.cached, again.cached, again.id], [false, true, first.id]);
    },
  },
  {
    name: "refuses a key that is no key",
    async run(client) {
      const expected = { status: 400, code: "invalid_request", field: "Idempotency-Key" };
      for (const key of ['"open', "x".repeat(256)]) {
        await assertProblem(await client.post(UNSEEDED, keyed(key)), expected);
      }
    },
  },
];
