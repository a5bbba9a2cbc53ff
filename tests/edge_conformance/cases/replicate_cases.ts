/** What the edge does where Replicate draws, on every platform. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { type GenerationRequestInput, parseGenerationRequest } from "../../../contract/mod.ts";
import {
  REPLICATE_TOKEN,
  REPLICATE_WEBHOOK_SECRET,
  type ReplicateDouble,
  type ReplicateScript,
} from "../../../edge/backends/replicate/fixtures/replicate_double.ts";
import {
  assertProblem,
  type ConformanceClient,
  idOf,
  readFrames,
  typesOf,
} from "../../support/conformance_client.ts";
import { drawEvents, planOf } from "../../support/drawn_events.ts";

export interface ReplicateCase {
  readonly name: string;
  run(client: ConformanceClient, replicate: ReplicateDouble): Promise<void>;
}

export const WEBHOOK_PATH = "/v1/replicate/webhook";
const WEBHOOK_URL = `https://edge.example${WEBHOOK_PATH}`;

export function replicateEnvironment(url: string): Record<string, string> {
  return {
    BACKEND: "replicate",
    REPLICATE_API_TOKEN: REPLICATE_TOKEN,
    REPLICATE_MODEL: "owner/name",
    REPLICATE_BASE_URL: url,
    REPLICATE_WEBHOOK_URL: WEBHOOK_URL,
    REPLICATE_WEBHOOK_SECRET,
  };
}

/** Watches which predictions a case begins, and which is the last. */
function watch(replicate: ReplicateDouble, script: ReplicateScript = {}) {
  const before = replicate.created.length;
  replicate.script = script;
  return {
    begun: () => replicate.created.length - before,
    last: () => replicate.ids.at(-1) ?? "",
  };
}

/** The request as the edge sends it. */
function inputOf(request: GenerationRequestInput) {
  const parsed = parseGenerationRequest(request);
  assert(parsed.ok);
  return parsed.value;
}

export const REPLICATE_CASES: readonly ReplicateCase[] = [
  {
    name: "streams a generation, stores it, and asks Replicate once",
    async run(client, replicate) {
      const watched = watch(replicate);
      const request = client.fresh({ cutoff: { guided_steps: 8 } });
      const frames = await client.stream(request);
      assert.deepEqual(frames.map(({ event }) => event), drawEvents(planOf(inputOf(request))));
      assert.deepEqual(frames.map(({ id }) => id), frames.map((_, index) => index));
      const { path, body } = replicate.created.at(-1) ?? {};
      assert.equal(path, "/v1/models/owner/name/predictions");
      assert.deepEqual(body, {
        input: JSON.parse(JSON.stringify(inputOf(request))),
        stream: true,
        webhook: WEBHOOK_URL,
        webhook_events_filter: ["completed"],
      });
      const { image, cached } = await client.json(request);
      assert.equal(cached, true);
      const bytes = await (await client.request(image.url)).bytes();
      assert.equal(createHash("sha256").update(bytes).digest("hex"), image.sha256);
      assert.equal(watched.begun(), 1);
    },
  },
  {
    name: "shares one prediction among equal requests",
    async run(client, replicate) {
      const watched = watch(replicate, { pauseAfter: 5 });
      const request = client.fresh();
      const readers = [await client.open(request), await client.open(request)];
      for (const reader of readers) await reader.until(5);
      replicate.release(watched.last());
      for (const reader of readers) {
        assert.equal((await reader.rest()).at(-1)?.event.type, "generation.completed");
      }
      assert.equal(watched.begun(), 1);
    },
  },
  {
    name: "tells at once that a generation waits for a cold model",
    async run(client, replicate) {
      const watched = watch(replicate, { cold: true });
      const reader = await client.open(client.fresh());
      const [queued] = await reader.until(0);
      assert.equal(queued?.event.type, "generation.queued");
      replicate.release(watched.last());
      const rest = await reader.rest();
      assert.deepEqual(typesOf(rest).slice(0, 1), ["planned"]);
      assert.equal(rest.at(-1)?.event.type, "generation.completed");
    },
  },
  {
    name: "takes each event once where the stream breaks, or is none",
    async run(client, replicate) {
      const scripts: ReplicateScript[] = [{ breakAfter: 6 }, { stream: "gone" }, {
        stream: "none",
      }];
      for (const script of scripts) {
        const watched = watch(replicate, script);
        const frames = await client.stream(client.fresh());
        assert.deepEqual(frames.map(({ id }) => id), frames.map((_, index) => index));
        assert.equal(frames.at(-1)?.event.type, "generation.completed");
        assert.equal(watched.begun(), 1);
      }
    },
  },
  {
    name: "cancels the prediction with the generation",
    async run(client, replicate) {
      const watched = watch(replicate, { pauseAfter: 8 });
      const reader = await client.open(client.fresh());
      const head = await reader.until(8);
      const path = `/v1/generations/${idOf(head)}`;
      const canceled = await client.request(path, { method: "DELETE" });
      assert.equal(canceled.status, 202);
      const rest = await reader.rest();
      assert.deepEqual(typesOf(rest), ["canceled"]);
      assert.deepEqual(replicate.canceled.slice(-1), [watched.last()]);
    },
  },
  {
    name: "tells of a failed prediction, and of refusals that pass",
    async run(client, replicate) {
      watch(replicate, { fail: "the prompt was a blue bird (E1001)" });
      const frames = await client.stream(client.fresh());
      const last = frames.at(-1)?.event;
      assert(last?.type === "generation.failed");
      assert.equal(last.error.code, "upstream_failed");
      assert.match(last.error.detail, /E1001/);
      assert.doesNotMatch(last.error.detail, /bird/);
      watch(replicate, { refuse: 429 });
      const refused = await client.post(client.fresh());
      assert(Number(refused.headers.get("retry-after")) > 0);
      await assertProblem(refused, { status: 503, code: "at_capacity" });
    },
  },
  {
    name: "stores by the webhook what was drawn for an edge that is gone",
    async run(client, replicate) {
      const watched = watch(replicate);
      const request = client.fresh();
      // Begins it as another process would that did not live to see its end.
      await fetch(`${replicate.url}/predictions`, {
        method: "POST",
        headers: { authorization: `Bearer ${REPLICATE_TOKEN}` },
        body: JSON.stringify({ version: "e".repeat(64), input: inputOf(request) }),
      }).then((response) => response.body?.cancel());
      const answer = await client.request(WEBHOOK_PATH, replicate.webhookOf(watched.last()));
      assert.equal(answer.status, 204);
      const { id } = planOf(inputOf(request));
      await readFrames(await client.follow(id));
      assert.equal((await client.json(request)).cached, true);
      const again = await client.request(WEBHOOK_PATH, replicate.webhookOf(watched.last()));
      assert.equal(again.status, 204);
      assert.equal(watched.begun(), 1, "what was paid for is all there is to pay");
    },
  },
  {
    name: "refuses webhooks that are not Replicate's, not of now or not whole",
    async run(client, replicate) {
      const watched = watch(replicate);
      await client.stream(client.fresh());
      const tell = (init: RequestInit) => client.request(WEBHOOK_PATH, init);
      const id = watched.last();
      const secret = "whsec_YW5vdGhlciBzZWNyZXQgYWx0b2dldGhlcg==";
      const good = replicate.webhookOf(id);
      const { "webhook-signature": _, ...unsigned } = good.headers as Record<string, string>;
      for (
        const init of [
          replicate.webhookOf(id, { secret }),
          replicate.webhookOf(id, { ageSeconds: 301 }),
          replicate.webhookOf(id, { ageSeconds: -310 }),
          { ...good, body: `${good.body} ` },
          { ...good, headers: unsigned },
        ]
      ) {
        await assertProblem(await tell(init), { status: 401, code: "unauthorized" });
      }
      const known = await tell(good);
      assert.equal(known.status, 204, await known.text());
    },
  },
  {
    name: "tells whether Replicate answers",
    async run(client) {
      const { gpu } = await (await client.request("/health")).json();
      const functions = [{ status: "READY", circuit: "closed" }];
      assert.deepEqual(gpu, { status: "READY", functions });
    },
  },
];
