/** What the edge does, on every platform. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  type GpuHealth,
  type Insight,
  LIMITS,
  parseGenerationRequest,
  planGeneration,
} from "../../../contract/mod.ts";
import { planningModel } from "../../../contract/fixtures/planning_model.ts";
import {
  assertProblem,
  FrameReader,
  idOf,
  readFrames,
  typesOf,
} from "../../support/conformance_client.ts";
import type { Case } from "./case.ts";
import { drawEvents } from "../../support/drawn_events.ts";
import { IDEMPOTENCY_CASES } from "./idempotency_cases.ts";
import { JOINT_REFUSAL_CASES } from "./joint_refusal_cases.ts";
import { OPENAI_CASES } from "./openai_cases.ts";
import { REFUSAL_CASES } from "./refusal_cases.ts";
import { STREAM_CASES } from "./stream_cases.ts";
import { SWEEP_CASES } from "./sweep_cases.ts";
import { OBSERVABILITY_CASES } from "./observability_cases.ts";

const GENERATION_CASES: readonly Case[] = [
  {
    name: "streams the GPU function's events unchanged, ids and all",
    async run(client) {
      const request = client.fresh({ cutoff: { guided_steps: 8 } });
      const parsed = parseGenerationRequest(request);
      assert(parsed.ok);
      const plan = planGeneration({ ...parsed.value, seed: request.seed }, planningModel());
      assert(plan.ok);
      const frames = await client.stream(request);
      assert.deepEqual(frames.map(({ event }) => event), drawEvents(plan.value));
      assert.deepEqual(frames.map(({ id }) => id), frames.map((_, index) => index));
    },
  },
  {
    name: "names the generation's address",
    async run(client) {
      const response = await client.post(client.fresh());
      const location = response.headers.get("location");
      assert.equal(response.headers.get("x-begun-here"), null);
      const frames = await readFrames(response);
      assert.equal(location, `/v1/generations/${idOf(frames)}`);
    },
  },
  {
    name: "answers in JSON after the end where no stream is asked for",
    async run(client) {
      const { image, ...generation } = await client.json(client.fresh({ output_format: "webp" }));
      assert.equal(generation.status, "succeeded");
      assert.equal(generation.cached, false);
      assert.deepEqual(generation.evaluations, {
        planned: 40,
        spent: 40,
        shared: 0,
        full: 40,
        saved: 0,
      });
      assert.equal(image.url, `/v1/images/${generation.id}.webp`);
      assert.deepEqual([image.width, image.height, image.bytes], [48, 32, 300]);
      const bytes = await (await client.request(image.url)).bytes();
      assert.equal(createHash("sha256").update(bytes).digest("hex"), image.sha256);
    },
  },
  {
    name: "shows a stored generation under its address",
    async run(client) {
      const posted = await client.json(client.fresh());
      const response = await client.request(posted.links.self);
      assert.deepEqual(await response.json(), { ...posted, cached: true });
    },
  },
  {
    name: "answers the second call from the database, byte for byte, without the GPU function",
    async run(client) {
      const request = client.fresh();
      const first = await client.stream(request);
      const puts = client.gpu.puts.length;
      const second = await client.stream({ ...request, prompt: "A  blue bird" });
      assert.equal(client.gpu.puts.length, puts);
      assert.deepEqual(
        second.map(({ data }) => data.replace('"cached":true', '"cached":false')),
        first.map(({ data }) => data),
      );
      const last = second.at(-1)?.event;
      assert(last?.type === "generation.completed" && last.cached);
      const json = await client.json(request);
      assert.equal(json.cached, true);
      assert.equal(client.gpu.puts.length, puts);
    },
  },
  {
    name: "runs a stored generation again for insights that it lacks, once, and keeps what it had",
    async run(client) {
      const request = client.fresh();
      const ask = (...insights: Insight[]) => client.stream({ ...request, insights });
      const shown = (frames: Awaited<ReturnType<typeof ask>>) => [
        ...new Set(typesOf(frames).filter((type) => /attention|frequency|guidance/.test(type))),
      ];
      const plain = await client.stream(request);
      const { started } = client.gpu;
      const isCached = async (...insights: Insight[]) => {
        const response = await client.post({ ...request, insights }, { path: "/v1/plans" });
        return (await response.json()).cached;
      };
      assert.deepEqual([await isCached(), await isCached("guidance")], [true, false]);
      const withGuidance = await ask("guidance");
      assert.deepEqual([await isCached("guidance"), await isCached("frequency")], [true, false]);
      assert.equal(client.gpu.started, started + 1);
      assert.equal(idOf(withGuidance), idOf(plain));
      assert.deepEqual(shown(withGuidance), ["guidance"]);
      const withAll = await ask("attention");
      assert.equal(client.gpu.started, started + 2);
      assert.deepEqual(shown(withAll), ["attention", "guidance"]);
      for (const again of [await ask("guidance", "attention"), await client.stream(request)]) {
        assert.equal(client.gpu.started, started + 2);
        assert.deepEqual(
          again.map(({ data }) => data.replace('"cached":true', '"cached":false')),
          withAll.map(({ data }) => data),
        );
      }
      const maps = withAll.flatMap(({ event }) =>
        event?.type === "generation.attention" && event.maps ? [event.step] : []
      );
      assert.deepEqual(maps, [4, 9, 14]);
    },
  },
  {
    name:
      "lets a run end that lacks insights, then runs again for them; it is followed and canceled",
    async run(client) {
      const request = client.fresh();
      client.gpu.script(request.seed, { pauseAfter: 6 });
      const first = new FrameReader(await client.post(request));
      const id = idOf(await first.until(6));
      const { started } = client.gpu;
      const answer = client.post({ ...request, insights: ["guidance"] });
      client.gpu.release(id);
      const firstTypes = typesOf([...await first.rest()]);
      assert.equal(firstTypes.at(-1), "completed");
      const second = new FrameReader(await answer);
      await second.until(6);
      assert.equal(client.gpu.started, started + 1);
      const followed = new FrameReader(await client.request(`/v1/generations/${id}/events`));
      assert(typesOf(await followed.until(6)).includes("guidance"));
      const canceled = await client.request(`/v1/generations/${id}`, { method: "DELETE" });
      assert.equal(canceled.status, 202);
      await canceled.body?.cancel();
      for (const reader of [second, followed]) {
        assert.equal(typesOf(await reader.rest()).at(-1), "canceled");
      }
      const json = await client.json(request);
      assert.deepEqual([json.status, json.cached], ["succeeded", true]);
    },
  },
  {
    name: "draws a seed where none is given, and says which",
    async run(client) {
      const request = { model: "fixture", prompt: "a brown chair" };
      const [a, b] = [await client.json(request), await client.json(request)];
      assert.notEqual(a.seed, b.seed);
      assert.equal(a.plan.seed, a.seed);
    },
  },
  {
    name: "serves 50 equal submissions with one generation",
    async run(client) {
      const request = client.fresh();
      client.gpu.script(request.seed, { pauseAfter: 10 });
      const { started, puts: { length: puts } } = client.gpu;
      const responses = await Promise.all(Array.from({ length: 50 }, () => client.post(request)));
      const readers = responses.map((response) => new FrameReader(response));
      const heads = await Promise.all(readers.map((reader) => reader.until(10)));
      client.gpu.release(idOf(heads[0] ?? []));
      const tails = await Promise.all(readers.map((reader) => reader.rest()));
      const streams = heads.map((head, i) => [...head, ...(tails[i] ?? [])].map((f) => f.data));
      for (const stream of streams) assert.deepEqual(stream, streams[0]);
      assert.equal(streams[0]?.length, 27);
      assert.equal(client.gpu.started - started, 1);
      assert.equal(client.gpu.puts.length - puts, 1);
    },
  },
  {
    name: "stores a generation whose client has left",
    async run(client) {
      const request = client.fresh();
      client.gpu.script(request.seed, { pauseAfter: 6 });
      const { dropped } = client.gpu;
      const reader = await client.open(request);
      const id = idOf(await reader.until(4));
      await reader.leave();
      client.gpu.release(id);
      const frames = await readFrames(await client.follow(id));
      assert.equal(typesOf(frames).at(-1), "completed");
      assert.equal(client.gpu.dropped, dropped);
      assert.equal((await client.json(request)).cached, true);
    },
  },
];

const RESUME_CASES: readonly Case[] = [
  {
    name: "resumes a running stream with exactly the rest",
    async run(client) {
      const request = client.fresh();
      client.gpu.script(request.seed, { pauseAfter: 12 });
      const reader = await client.open(request);
      const head = await reader.until(9);
      await reader.leave();
      const id = idOf(head);
      const resumed = new FrameReader(await client.follow(id, 9));
      const middle = await resumed.until(12);
      client.gpu.release(id);
      const frames = [...head, ...middle, ...await resumed.rest()];
      const whole = await readFrames(await client.follow(id));
      assert.deepEqual(frames, whole);
    },
  },
  {
    name: "resumes a finished stream after any event with exactly the rest",
    async run(client) {
      const whole = await client.stream(client.fresh());
      const id = idOf(whole);
      for (const { id: n } of whole.slice(0, -1)) {
        assert.deepEqual(await readFrames(await client.follow(id, n)), whole.slice(n + 1));
      }
      const { status } = await client.follow(id, whole.length - 1);
      assert.equal(status, 204, "an EventSource stops for 204 alone");
    },
  },
  {
    name: "resumes a canceled stream, which no database holds, with exactly the rest",
    async run(client) {
      const request = client.fresh();
      client.gpu.script(request.seed, { pauseAfter: 5 });
      const reader = await client.open(request);
      const id = idOf(await reader.until(5));
      await (await client.request(`/v1/generations/${id}`, { method: "DELETE" })).body?.cancel();
      await reader.rest();
      assert.deepEqual(typesOf(await readFrames(await client.follow(id, 4))), ["step", "canceled"]);
      const { status } = await client.follow(id, 6);
      assert.equal(status, 204);
    },
  },
  {
    name: "takes the cursor from the query too, for an EventSource's first connection",
    async run(client) {
      const whole = await client.stream(client.fresh());
      const path = `/v1/generations/${idOf(whole)}/events?last_event_id=20`;
      assert.deepEqual(await readFrames(await client.request(path)), whole.slice(21));
    },
  },
  {
    name: "takes a cursor with a submission",
    async run(client) {
      const request = client.fresh();
      const whole = await client.stream(request);
      const response = await client.post(request, { headers: { "last-event-id": "24" } });
      const rest = await readFrames(response);
      assert.deepEqual(rest.map(({ id }) => id), whole.slice(25).map(({ id }) => id));
    },
  },
];

const IMAGE_CASES: readonly Case[] = [
  {
    name: "serves an image for ever, under its hash",
    async run(client) {
      const { image } = await client.json(client.fresh());
      const response = await client.request(image.url);
      const bytes = await response.bytes();
      assert.equal(response.headers.get("content-type"), "image/png");
      assert.equal(response.headers.get("etag"), `"${image.sha256}"`);
      assert.match(response.headers.get("cache-control") ?? "", /public.*immutable/);
      assert.equal(bytes.length, 300);
      const head = await client.request(image.url, { method: "HEAD" });
      assert.equal(head.status, 200);
      assert.equal(head.headers.get("etag"), `"${image.sha256}"`);
      assert.equal((await head.bytes()).length, 0);
    },
  },
  {
    name: "answers 304 to whoever has the image",
    async run(client) {
      const { image } = await client.json(client.fresh());
      const ask = async (condition: string) => {
        const headers = { "if-none-match": condition };
        const response = await client.request(image.url, { headers });
        await response.body?.cancel();
        return response.status;
      };
      assert.equal(await ask(`"${image.sha256}"`), 304);
      assert.equal(await ask(`"other", W/"${image.sha256}"`), 304);
      assert.equal(await ask("*"), 304);
      assert.equal(await ask('"other"'), 200);
    },
  },
  {
    name: "has no image under another format",
    async run(client) {
      const { id } = await client.json(client.fresh());
      const response = await client.request(`/v1/images/${id}.webp`);
      await assertProblem(response, { status: 404, code: "not_found" });
    },
  },
  {
    name: "stores the largest image there can be, which takes several rows, and serves it whole",
    async run(client) {
      const request = client.fresh();
      // Noise of 2,048 x 2,048 pixels, which PNG cannot make smaller.
      client.gpu.script(request.seed, { imageBytes: LIMITS.sideMax ** 2 * 3 + 100_000 });
      const { image, cached } = await client.json(request);
      assert.equal(cached, false);
      const bytes = await (await client.request(image.url)).bytes();
      assert.equal(createHash("sha256").update(bytes).digest("hex"), image.sha256);
      const { started } = client.gpu;
      const again = await client.json(request);
      assert.deepEqual([again.cached, again.image], [true, image]);
      const { data } = (await client.stream(request)).map(({ event }) => event)
        .find((event) => event.type === "generation.image") ?? {};
      assert.equal(data, bytes.toBase64());
      assert.equal(client.gpu.started, started);
    },
  },
  {
    name: "serves a range of an image to whoever has the rest of this very image",
    async run(client) {
      const { image } = await client.json(client.fresh());
      const whole = await (await client.request(image.url)).bytes();
      const etag = `"${image.sha256}"`;
      const ask = async (range: string, more: Record<string, string> = {}) => {
        const response = await client.request(image.url, { headers: { range, ...more } });
        return { response, bytes: await response.bytes() };
      };
      for (const [range, from, to] of [["bytes=10-19", 10, 20], ["bytes=-5", 295, 300]] as const) {
        for (const condition of [{}, { "if-range": etag }]) {
          const { response, bytes } = await ask(range, condition);
          assert.equal(response.status, 206);
          assert.equal(response.headers.get("content-range"), `bytes ${from}-${to - 1}/300`);
          assert.deepEqual(bytes, whole.slice(from, to));
        }
      }
      for (
        const [range, more] of [
          ["bytes=10-19", { "if-range": '"other"' }],
          ["bytes=0-1,5-6", {}],
          ["bytes=x", {}],
        ] as const
      ) {
        const { response, bytes } = await ask(range, more);
        assert.equal(response.status, 200);
        assert.equal(response.headers.get("accept-ranges"), "bytes");
        assert.deepEqual(bytes, whole);
      }
      assert.equal((await ask("bytes=0-1", { "if-none-match": etag })).response.status, 304);
      const refused = await client.request(image.url, { headers: { range: "bytes=300-" } });
      assert.equal(refused.headers.get("content-range"), "bytes */300");
      await assertProblem(refused, { status: 416, code: "range_not_satisfiable" });
    },
  },
  {
    name: "tells an image's headers without the image",
    async run(client) {
      const { image } = await client.json(client.fresh());
      const headers = { range: "bytes=0-9" };
      const head = await client.request(image.url, { method: "HEAD", headers });
      assert.equal(head.status, 200, "ranges are for GET");
      assert.equal((await head.bytes()).length, 0);
      const get = await client.request(image.url);
      await get.body?.cancel();
      for (const name of ["content-type", "content-length", "etag", "accept-ranges"]) {
        assert.notEqual(head.headers.get(name), null, name);
        assert.equal(head.headers.get(name), get.headers.get(name), name);
      }
    },
  },
];

const CANCEL_CASES: readonly Case[] = [
  {
    name: "cancels a running generation, and runs it again when asked",
    async run(client) {
      const request = client.fresh();
      client.gpu.script(request.seed, { pauseAfter: 7 });
      const reader = await client.open(request);
      const id = idOf(await reader.until(7));
      const response = await client.request(`/v1/generations/${id}`, { method: "DELETE" });
      assert.equal(response.status, 202);
      assert.equal((await response.json()).id, id);
      assert.deepEqual(typesOf(await reader.rest()), ["canceled"]);
      const shown = await (await client.request(`/v1/generations/${id}`)).json();
      assert.deepEqual([shown.status, shown.evaluations.spent], ["canceled", 10]);
      const again = await client.request(`/v1/generations/${id}`, { method: "DELETE" });
      assert.equal((await again.json()).status, "canceled");
      client.gpu.script(request.seed, {});
      assert.equal((await client.json(request)).status, "succeeded");
    },
  },
  {
    name: "does not cancel what has finished",
    async run(client) {
      const { id } = await client.json(client.fresh());
      const response = await client.request(`/v1/generations/${id}`, { method: "DELETE" });
      await assertProblem(response, { status: 409, code: "conflict" });
    },
  },
  {
    name: "shows a running generation with what it has spent",
    async run(client) {
      const request = client.fresh();
      client.gpu.script(request.seed, { pauseAfter: 4 });
      const reader = await client.open(request);
      const id = idOf(await reader.until(4));
      const shown = await (await client.request(`/v1/generations/${id}`)).json();
      assert.deepEqual([shown.status, shown.evaluations.spent, shown.image], ["running", 6, null]);
      client.gpu.release(id);
      await reader.rest();
    },
  },
];

const FAILURE_CASES: readonly Case[] = [
  {
    name: "goes on where the GPU function's stream broke",
    async run(client) {
      const request = client.fresh();
      client.gpu.script(request.seed, { breakAfter: 9 });
      const { started } = client.gpu;
      const frames = await client.stream(request);
      assert.deepEqual(frames.map(({ id }) => id), Array.from({ length: 27 }, (_, id) => id));
      assert.equal(client.gpu.puts.at(-1)?.lastEventId, 9);
      assert.equal(client.gpu.started - started, 1);
    },
  },
  {
    name: "goes on where the GPU function was restarted in mid-run",
    async run(client) {
      const request = client.fresh();
      client.gpu.script(request.seed, { breakAfter: 9, forget: true });
      const { started } = client.gpu;
      const frames = await client.stream(request);
      assert.deepEqual(frames.map(({ id }) => id), Array.from({ length: 27 }, (_, id) => id));
      assert.equal(client.gpu.started - started, 2);
    },
  },
  {
    name: "passes on that all slots are busy, before any event",
    async run(client) {
      const request = client.fresh();
      client.gpu.script(request.seed, { refuse: "at_capacity" });
      const response = await client.post(request);
      assert(Number(response.headers.get("retry-after")) > 0);
      await assertProblem(response, { status: 503, code: "at_capacity" });
    },
  },
  {
    name: "says so when the GPU function refuses what the edge had planned",
    async run(client) {
      const request = client.fresh();
      client.gpu.script(request.seed, { refuse: "conflict" });
      await assertProblem(await client.post(request), { status: 502, code: "model_mismatch" });
    },
  },
  {
    name: "fails when the GPU function plans another generation",
    async run(client) {
      const request = client.fresh();
      client.gpu.script(request.seed, { otherPlan: true });
      const last = (await client.stream(request)).at(-1)?.event;
      assert(last?.type === "generation.failed");
      assert.equal(last.error.code, "model_mismatch");
    },
  },
  {
    name: "never stores an image that is not what its hash says, and runs again when asked",
    async run(client) {
      const request = client.fresh();
      client.gpu.script(request.seed, { wrongSha256: true });
      const frames = await client.stream(request);
      const last = frames.at(-1)?.event;
      assert(last?.type === "generation.failed");
      assert.equal(last.error.code, "upstream_failed");
      const expected = { status: 502, code: "upstream_failed" };
      const headers = { accept: "application/json" };
      await assertProblem(await client.post(request, { headers }), expected);
      const shown = await (await client.request(`/v1/generations/${idOf(frames)}`)).json();
      assert.deepEqual([shown.status, shown.failure.code], ["failed", "upstream_failed"]);
    },
  },
  {
    name: "without the GPU function refuses new work, and serves plans, models and results",
    async run(client) {
      const request = client.fresh();
      await client.json(request);
      const port = Number(new URL(client.gpu.url).port);
      await client.gpu.close();
      try {
        for (const accept of ["text/event-stream", "application/json"]) {
          const refused = await client.post(client.fresh(), { headers: { accept } });
          assert(Number(refused.headers.get("retry-after")) > 0);
          await assertProblem(refused, { status: 503, code: "gpu_unavailable" });
        }
        const plan = await client.post(request, { path: "/v1/plans" });
        assert.equal((await plan.json()).cached, true);
        assert.equal((await client.json(request)).cached, true);
        const models = await (await client.request("/v1/models")).json();
        assert.equal(models.models.length, 1);
        await client.health(({ status }) => status === "UNREACHABLE");
      } finally {
        client.gpu.listen(port);
      }
    },
  },
];

const PLAN_AND_MODEL_CASES: readonly Case[] = [
  {
    name: "plans without running, and says whether the result is there",
    async run(client) {
      const request = client.fresh({ cutoff: { guided_fraction: 0.5 } });
      const puts = client.gpu.puts.length;
      const plan = async () => await (await client.post(request, { path: "/v1/plans" })).json();
      const before = await plan();
      assert.equal(client.gpu.puts.length, puts);
      assert.deepEqual(before.evaluations, { planned: 30, full: 40, saved: 0.25 });
      assert.equal(before.cached, false);
      const { id } = await client.json(request);
      assert.deepEqual(await plan(), { ...before, cached: true });
      assert.equal(before.id, id);
    },
  },
  {
    name: "lists the models and shows each",
    async run(client) {
      const { models } = await (await client.request("/v1/models")).json();
      const shown = await (await client.request(`/v1/models/${models[0].id}`)).json();
      assert.equal(shown.id, "fixture");
      assert.deepEqual(shown, models[0]);
    },
  },
  {
    name: "serves the page and its assets beside the API",
    async run(client) {
      // In process there is only the app, without the platform's assets.
      if (client.edge.url === null) return;
      const page = await client.request("/");
      assert.match(page.headers.get("content-type") ?? "", /^text\/html/);
      assert.match(await page.text(), /<title>Shapefirst<\/title>/);
      const index = await client.request("/models/index.json");
      assert.deepEqual(await index.json(), { models: ["fixture"] });
      await assertProblem(await client.request("/v1"), { status: 404, code: "not_found" });
    },
  },
  {
    name: "tells the state of its parts",
    async run(client) {
      const isQuiet = ({ functions = [] }: GpuHealth) =>
        functions.every(({ status, circuit, running }) =>
          status === "READY" && circuit === "closed" && running === 0
        );
      assert.deepEqual(await client.health(isQuiet), {
        status: "ok",
        gpu: {
          status: "READY",
          functions: [{
            status: "READY",
            running: 0,
            queued: 0,
            determinism_class: "paced",
            circuit: "closed",
          }],
        },
        database: { status: "READY" },
        models: ["fixture"],
      });
    },
  },
];

export const CASES: readonly Case[] = [
  ...GENERATION_CASES,
  ...RESUME_CASES,
  ...IMAGE_CASES,
  ...CANCEL_CASES,
  ...FAILURE_CASES,
  ...PLAN_AND_MODEL_CASES,
  ...REFUSAL_CASES,
  ...JOINT_REFUSAL_CASES,
  ...SWEEP_CASES,
  ...IDEMPOTENCY_CASES,
  ...OBSERVABILITY_CASES,
  ...STREAM_CASES,
  ...OPENAI_CASES,
];
