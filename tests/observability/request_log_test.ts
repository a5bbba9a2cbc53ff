// The log and the counters of requests: what they say, and what they must not say.
import assert from "node:assert/strict";
import { openSqliteDatabase } from "../../db/sqlite/sqlite_database.ts";
import { createLocalEdge } from "../../edge/platforms/deno/local_edge.ts";
import type { EdgeApp } from "../../edge/http/request_context.ts";
import type { LogRecord } from "../../edge/observability/log.ts";
import { readSettings } from "../../edge/settings.ts";
import { GpuDouble } from "../support/gpu_double.ts";
import { publishFixtureModel } from "../support/published_model.ts";

const PROMPT = "a very secret bird";

interface Stage {
  readonly app: EdgeApp;
  readonly gpu: GpuDouble;
  readonly records: LogRecord[];
  post(body: object, headers?: Record<string, string>): Promise<Response>;
  metric(line: string): Promise<string | undefined>;
}

async function withEdge(test: (stage: Stage) => Promise<void>): Promise<void> {
  const assets = await publishFixtureModel();
  const gpu = new GpuDouble().listen();
  const { database, close } = await openSqliteDatabase(":memory:");
  const records: LogRecord[] = [];
  const { app, settled } = createLocalEdge({
    database,
    settings: readSettings({ GPU_URL: gpu.url, LOCAL_CALLERS: "on" }),
    readAsset: async (path) => JSON.parse(await Deno.readTextFile(assets + path)),
    log: (record) => void records.push(record),
  });
  const post: Stage["post"] = async (body, headers = {}) =>
    await app.request("/v1/generations", {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify({ model: "fixture", prompt: PROMPT, ...body }),
    });
  const metric: Stage["metric"] = async (line) => {
    const text = await (await app.request("/metrics")).text();
    return text.split("\n").find((one) => one.startsWith(line));
  };
  try {
    await test({ app, gpu, records, post, metric });
  } finally {
    await settled();
    await gpu.close();
    close();
    await Deno.remove(assets, { recursive: true });
  }
}

const requestsOf = (records: readonly LogRecord[]) =>
  records.filter(({ message }) => message === "request");

Deno.test("Each request is one line: route, status, account, subject, where its answer came from", async () => {
  await withEdge(async ({ app, gpu, post, records }) => {
    const first = await (await post({ seed: 1 }, { "x-request-id": "first" })).json();
    await (await post({ seed: 1 })).text();
    gpu.script(2, { pauseAfter: 6 });
    const streamed = { accept: "text/event-stream" };
    const [begun, joined] = [await post({ seed: 2 }, streamed), await post({ seed: 2 }, streamed)];
    gpu.release((begun.headers.get("location") ?? "").split("/").at(-1) ?? "");
    await Promise.all([begun.text(), joined.text()]);
    await (await app.request(first.links.self)).text();
    await (await post({ seed: -1 })).text();
    await (await app.request(`/nowhere/${PROMPT}`)).text();
    await (await app.request("/health")).text();
    const metrics = await app.request("/metrics");
    await metrics.text();
    assert.match(metrics.headers.get("x-request-id") ?? "", /^[0-9a-f-]{36}$/);
    const shown = requestsOf(records).map(({ method, route, status, cache }) =>
      [method, route, status, cache].join(" ")
    );
    assert.deepEqual(shown, [
      "POST /v1/generations 200 miss",
      "POST /v1/generations 200 hit",
      "POST /v1/generations 200 miss",
      "POST /v1/generations 200 join",
      "GET /v1/generations/:id 200 ",
      "POST /v1/generations 400 ",
      "GET  404 ",
    ]);
    const [record] = requestsOf(records);
    assert.equal(record?.request_id, "first");
    assert.equal(record?.subject, first.links.self);
    assert.match(record?.account ?? "", /^anonymous/);
    assert(Number.isInteger(record?.ms));
  });
});

Deno.test("No line has a prompt, a key, an address, or a path that a client made up", async () => {
  await withEdge(async ({ app, post, records }) => {
    const headers = {
      authorization: "Bearer sf_0123456789abcdef_verysecret",
      "idempotency-key": "verysecret-key",
      "x-forwarded-for": "203.0.113.9",
      "cf-connecting-ip": "203.0.113.9",
    };
    await (await post({ seed: 1 }, headers)).text();
    await (await post({ seed: 1 }, { "idempotency-key": "verysecret-key" })).text();
    await (await post({ prompt: `${PROMPT}\u0000` })).text();
    await (await app.request(`/v1/${encodeURIComponent(PROMPT)}?q=verysecret`)).text();
    assert(requestsOf(records).length >= 4);
    const text = JSON.stringify(records);
    for (const secret of ["secret bird", "verysecret", "203.0.113.9", "secret%20bird"]) {
      assert(!text.includes(secret), secret);
    }
  });
});

Deno.test("Requests, answers, runs and what goes on are counted for Prometheus", async () => {
  await withEdge(async ({ gpu, post, metric }) => {
    await (await post({ seed: 1 })).text();
    await (await post({ seed: 1 })).text();
    gpu.script(2, { fail: true });
    await (await post({ seed: 2 })).text();
    await (await post({ seed: -1 })).text();
    const expected = [
      ['shapefirst_edge_requests_total{method="POST",route="/v1/generations",status="200"}', "2"],
      ['shapefirst_edge_requests_total{method="POST",route="/v1/generations",status="400"}', "1"],
      ['shapefirst_edge_requests_total{method="POST",route="/v1/generations",status="500"}', "1"],
      ['shapefirst_edge_answers_total{cache="miss"}', "1"],
      ['shapefirst_edge_answers_total{cache="hit"}', "1"],
      ['shapefirst_edge_runs_ended_total{outcome="completed"}', "1"],
      ['shapefirst_edge_runs_ended_total{outcome="failed"}', "1"],
      ['shapefirst_edge_request_seconds_count{route="/v1/generations"}', "4"],
    ] as const;
    for (const [line, value] of expected) assert.equal(await metric(line), `${line} ${value}`);
    gpu.script(3, { pauseAfter: 6 });
    const running = await post({ seed: 3 }, { accept: "text/event-stream" });
    const [, working] = (await metric("shapefirst_edge_working"))?.split(" ") ?? [];
    assert(Number(working) >= 1, "a run goes on");
    gpu.release((running.headers.get("location") ?? "").split("/").at(-1) ?? "");
    await running.text();
  });
});
