/** Webhooks, which are for accounts with a key, on every platform. */
import assert from "node:assert/strict";
import { WebhookReceiver } from "../../support/webhook_receiver.ts";
import { type AccessBench, accountOf, withKey } from "../../support/access_bench.ts";
import type { AccessCase } from "./access_cases.ts";
import {
  assertProblem,
  ConformanceClient,
  FrameReader,
  idOf,
  readFrames,
} from "../../support/conformance_client.ts";

interface WebhookCase {
  readonly name: string;
  run(client: ConformanceClient, receiver: WebhookReceiver): Promise<void>;
}

const JSON_ONLY = { headers: { accept: "application/json" } };

const WEBHOOK_CASES_WITH_RECEIVER: readonly WebhookCase[] = [
  {
    name: "calls a webhook with what its generation's address shows, signed, and only once",
    async run(client, receiver) {
      const request = client.fresh();
      const webhook = { url: receiver.url("/miss") };
      const frames = await readFrames(await client.post({ ...request, webhook }));
      const [call] = await receiver.received("/miss");
      assert.equal(call?.verified?.type, "generation.completed");
      const shown = await (await client.request(`/v1/generations/${idOf(frames)}`)).json();
      assert.deepEqual(call?.verified?.data, { ...shown, cached: false });
      assert.match(call?.id ?? "", /^msg_/);
      const plain = await client.json(request);
      assert.equal(plain.id, idOf(frames), "a webhook is not of the content key");
      assert.equal(receiver.to("/miss").length, 1);
    },
  },
  {
    name: "calls a webhook at once for a stored result",
    async run(client, receiver) {
      const request = client.fresh();
      const { id } = await client.json(request);
      const puts = client.gpu.puts.length;
      const webhook = { url: receiver.url("/hit") };
      const hit = await (await client.post({ ...request, webhook }, JSON_ONLY)).json();
      const [call] = await receiver.received("/hit");
      assert.equal(hit.cached, true);
      assert.deepEqual([call?.verified?.data.id, call?.verified?.data.status], [id, "succeeded"]);
      assert.equal(client.gpu.puts.length, puts);
    },
  },
  {
    name: "calls every webhook of a run that several have joined, also when its readers have left",
    async run(client, receiver) {
      const request = client.fresh();
      client.gpu.script(request.seed, { pauseAfter: 6 });
      const paths = ["/joined/1", "/joined/2", "/joined/3"];
      const readers = [];
      for (const path of paths) {
        const webhook = { url: receiver.url(path) };
        readers.push(new FrameReader(await client.post({ ...request, webhook })));
      }
      const ids = [];
      for (const reader of readers) {
        ids.push(idOf(await reader.until(6)));
        await reader.leave();
      }
      assert.deepEqual(paths.flatMap((path) => receiver.to(path)), []);
      client.gpu.release(ids[0] ?? "");
      for (const path of paths) {
        const [call] = await receiver.received(path);
        assert.equal(call?.verified?.data.id, ids[0]);
      }
    },
  },
  {
    name: "calls a webhook for insights that a stored result lacks when the new run has ended",
    async run(client, receiver) {
      const request = client.fresh();
      await client.json(request);
      client.gpu.script(request.seed, { pauseAfter: 6 });
      const webhook = { url: receiver.url("/more") };
      const more = { ...request, insights: ["guidance"], webhook };
      const reader = new FrameReader(await client.post(more));
      const id = idOf(await reader.until(6));
      const other = client.fresh();
      await readFrames(await client.post({ ...other, webhook: { url: receiver.url("/other") } }));
      await receiver.received("/other");
      assert.deepEqual(receiver.to("/more"), []);
      client.gpu.release(id);
      await reader.rest();
      const [call] = await receiver.received("/more");
      assert.equal(call?.verified?.data.id, id);
    },
  },
  {
    name: "calls a webhook for a run that failed and for one that was canceled",
    async run(client, receiver) {
      const failing = client.fresh();
      client.gpu.script(failing.seed, { fail: true });
      await readFrames(
        await client.post({ ...failing, webhook: { url: receiver.url("/failed") } }),
      );
      const [failed] = await receiver.received("/failed");
      assert.deepEqual(
        [failed?.verified?.type, failed?.verified?.data.status],
        ["generation.failed", "failed"],
      );
      const canceling = client.fresh();
      client.gpu.script(canceling.seed, { pauseAfter: 6 });
      const webhook = { url: receiver.url("/canceled") };
      const reader = new FrameReader(await client.post({ ...canceling, webhook }));
      const id = idOf(await reader.until(6));
      const gone = await client.request(`/v1/generations/${id}`, { method: "DELETE" });
      await gone.body?.cancel();
      await reader.rest();
      const [canceled] = await receiver.received("/canceled");
      assert.equal(canceled?.verified?.type, "generation.canceled");
    },
  },
  {
    name: "calls no webhook of a request that was refused",
    async run(client, receiver) {
      const request = client.fresh();
      client.gpu.script(request.seed, { refuse: "at_capacity" });
      const webhook = { url: receiver.url("/refused") };
      const refused = await client.post({ ...request, webhook });
      await assertProblem(refused, { status: 503, code: "at_capacity" });
      client.gpu.script(request.seed, {});
      const other = { url: receiver.url("/accepted") };
      await readFrames(await client.post({ ...request, webhook: other }));
      await receiver.received("/accepted");
      assert.deepEqual(receiver.to("/refused"), []);
    },
  },
  {
    name: "calls a sweep's webhook when the sweep has ended, and for a stored one at once",
    async run(client, receiver) {
      const base = client.fresh();
      const cutoffs = [{ a: 0 }, { a: 10 }];
      const options = { path: "/v1/sweeps", ...JSON_ONLY };
      for (const path of ["/sweep", "/stored_sweep"]) {
        const webhook = { url: receiver.url(path) };
        const sweep = await (await client.post({ base, cutoffs, webhook }, options)).json();
        const [call] = await receiver.received(path);
        assert.equal(call?.verified?.type, "sweep.completed");
        assert.deepEqual([call?.verified?.data.id, sweep.status], [sweep.id, "succeeded"]);
      }
    },
  },
  {
    name: "promises one call, however often a request comes under its idempotency key",
    async run(client, receiver) {
      const request = client.fresh();
      const headers = { "idempotency-key": `webhook ${request.seed}`, accept: "application/json" };
      const webhook = { url: receiver.url("/keyed") };
      for (let i = 0; i < 3; i++) {
        const response = await client.post({ ...request, webhook }, { headers });
        assert.equal((await response.json()).status, "succeeded");
      }
      const last = { url: receiver.url("/keyed/last") };
      await client.post({ ...request, webhook: last }, JSON_ONLY).then((r) => r.body?.cancel());
      await receiver.received("/keyed/last");
      assert.equal(receiver.to("/keyed").length, 1);
    },
  },
  {
    name: "plans a request with a webhook, and refuses one that is none",
    async run(client, receiver) {
      const webhook = { url: receiver.url("/planned") };
      const plan = await client.post({ ...client.fresh(), webhook }, { path: "/v1/plans" });
      assert.equal(plan.status, 200);
      await plan.body?.cancel();
      const bad = [
        ["https://example.com/", "webhook"],
        [{}, "webhook.url"],
        [{ url: "ftp://example.com/" }, "webhook.url"],
        [{ url: "https://a:b@example.com/" }, "webhook.url"],
        [{ url: "https://example.com/", secret: "s" }, "webhook.secret"],
      ] as const;
      for (const [webhook, field] of bad) {
        const response = await client.post({ ...client.fresh(), webhook });
        await assertProblem(response, { status: 400, code: "invalid_request", field });
      }
      assert.deepEqual(receiver.to("/planned"), []);
    },
  },
];

/** A client of the same edge with an account's key. */
export function keyedClient(
  { edge, gpu }: Pick<ConformanceClient, "edge" | "gpu">,
  key: string,
  firstSeed: number,
): ConformanceClient {
  const request = (path: string, { headers, ...init }: RequestInit = {}) => {
    const all = { ...Object.fromEntries(new Headers(headers)), ...withKey(key) };
    return edge.request(path, { ...init, headers: all });
  };
  return new ConformanceClient({ ...edge, request }, gpu, firstSeed);
}

/** The secret that signs the account's calls, as the service shows it. */
export async function webhookSecretOf(client: Pick<ConformanceClient, "request">): Promise<string> {
  const shown = await client.request("/v1/webhook-secrets");
  const { secrets } = await shown.json();
  assert.equal(secrets.length, 1);
  return secrets[0];
}

/** It is far from the seeds of other cases. */
const FIRST_SEED = 1_000_000;

const SECRET_CASES: readonly AccessCase[] = [
  {
    name: "signs the calls of each account with a secret of its own",
    async run(bench) {
      const { own, other } = bench.keys;
      const [ours, theirs] = [
        keyedClient(bench, own, 2_000_000),
        keyedClient(bench, other, 2_000_100),
      ];
      const shown = await ours.request("/v1/webhook-secrets");
      assert.match(shown.headers.get("cache-control") ?? "", /no-store/);
      assert.equal((await shown.json()).account, accountOf(own));
      const receiver = new WebhookReceiver(await webhookSecretOf(ours));
      try {
        for (const [client, path] of [[ours, "/ours"], [theirs, "/theirs"]] as const) {
          await readFrames(
            await client.post({ ...client.fresh(), webhook: { url: receiver.url(path) } }),
          );
        }
        assert((await receiver.received("/ours"))[0]?.verified);
        assert.equal((await receiver.received("/theirs"))[0]?.verified, null);
      } finally {
        await receiver.close();
      }
    },
  },
  {
    name: "promises no webhook without a key, and shows no secret",
    async run({ edge, client, from }) {
      const body = { ...client.fresh(), webhook: { url: "https://example.com/" } };
      for (const path of ["/v1/generations", "/v1/plans"]) {
        const refused = await client.post(body, { path, headers: from() });
        const field = "webhook";
        await assertProblem(refused, { status: 400, code: "invalid_request", field });
      }
      const secrets = await edge.request("/v1/webhook-secrets", { headers: from() });
      assert.match(secrets.headers.get("www-authenticate") ?? "", /^Bearer/);
      await assertProblem(secrets, { status: 401, code: "unauthorized" });
    },
  },
];

export const WEBHOOK_CASES: readonly AccessCase[] = [
  ...WEBHOOK_CASES_WITH_RECEIVER.map(({ name, run }, i) => ({
    name,
    async run(bench: AccessBench) {
      const client = keyedClient(bench, bench.keys.own, FIRST_SEED + 100 * i);
      const receiver = new WebhookReceiver(await webhookSecretOf(client));
      try {
        await run(client, receiver);
      } finally {
        await receiver.close();
      }
    },
  })),
  ...SECRET_CASES,
];
