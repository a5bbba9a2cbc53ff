// What survives the edge's process: results and runs under way.
import assert from "node:assert/strict";
import { WebhookReceiver } from "../webhook_receiver.ts";
import {
  ConformanceClient,
  FrameReader,
  idOf,
  readFrames,
  SweepReader,
  typesOf,
} from "./conformance_client.ts";
import { type EdgeOptions, startDeno, startWorkerd } from "./edges.ts";
import { GpuDouble } from "./gpu_double.ts";
import { publishFixtureModel } from "./published_model.ts";
import { WEBHOOK_ENVIRONMENT } from "./webhook_cases.ts";

async function withData(test: (options: EdgeOptions, gpu: GpuDouble) => Promise<void>) {
  const assets = await publishFixtureModel();
  const dataDir = await Deno.makeTempDir({ prefix: "shapefirst_data_" });
  const gpu = new GpuDouble().listen();
  try {
    await test({ gpuUrl: gpu.url, assets, dataDir }, gpu);
  } finally {
    await gpu.close();
    for (const folder of [assets, dataDir]) await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("A Durable Object that was lost in mid-run goes on under the same ids", async () => {
  await withData(async (options, gpu) => {
    const before = new ConformanceClient(await startWorkerd(options), gpu, 1);
    const stored = before.fresh();
    const running = before.fresh();
    gpu.script(running.seed, { pauseAfter: 8 });
    const first = await before.stream(stored);
    const reader = await before.open(running);
    const head = await reader.until(8);
    await reader.leave();
    await before.edge.stop();

    const after = new ConformanceClient(await startWorkerd(options), gpu, 10);
    try {
      const id = idOf(head);
      const resumed = new FrameReader(await after.follow(id, 5));
      const middle = await resumed.until(8);
      gpu.release(id);
      const rest = [...middle, ...await resumed.rest()];
      assert.deepEqual(rest.slice(0, 3), head.slice(6));
      assert.deepEqual(rest.map((frame) => frame.id), Array.from({ length: 21 }, (_, i) => i + 6));
      assert.equal(gpu.started, 2, "the GPU function joins the run that it has");
      const again = await after.stream(stored);
      assert.deepEqual(again.slice(0, -1), first.slice(0, -1));
      assert.equal(gpu.started, 2);
    } finally {
      await after.edge.stop();
    }
  });
});

Deno.test("A run that was lost is taken up, and stored, though no reader returns", async () => {
  await withData(async (options, gpu) => {
    const before = new ConformanceClient(await startWorkerd(options), gpu, 1);
    const running = before.fresh();
    gpu.script(running.seed, { pauseAfter: 8 });
    const reader = await before.open(running);
    const head = await reader.until(8);
    await reader.leave();
    const canceled = before.fresh();
    gpu.script(canceled.seed, { pauseAfter: 5 });
    const canceling = await before.open(canceled);
    const canceledId = idOf(await canceling.until(5));
    const path = `/v1/generations/${canceledId}`;
    await (await before.request(path, { method: "DELETE" })).body?.cancel();
    await canceling.rest();
    await before.edge.stop();
    // The GPU function has lost it as well: it runs from its beginning, and comes out the same.
    const id = idOf(head);
    gpu.forget(id);
    gpu.script(running.seed, {});
    const asked = gpu.nextPut();

    const after = new ConformanceClient(await startWorkerd(options), gpu, 10);
    try {
      await asked;
      assert.equal(gpu.started, 3);
      const rest = await readFrames(await after.follow(id, 5));
      assert.deepEqual(rest.slice(0, 3), head.slice(6));
      assert.deepEqual(rest.map((frame) => frame.id), Array.from({ length: 21 }, (_, i) => i + 6));
      const types = typesOf(rest);
      assert.deepEqual([types.indexOf("completed"), types.length], [20, 21], "one end, the last");
      assert.equal((await after.json(running)).cached, true);
      const retained = typesOf(await readFrames(await after.follow(canceledId, 3)));
      assert.deepEqual(retained, ["step", "step", "canceled"], "its end is retained");
      assert.equal(gpu.started, 3);
    } finally {
      await after.edge.stop();
    }
  });
});

Deno.test("A sweep that was lost in mid-run is merged again under the same ids", async () => {
  await withData(async (options, gpu) => {
    const before = new ConformanceClient(await startWorkerd(options), gpu, 1);
    const base = before.fresh();
    const cutoffs = [{ a: 0 }, { a: 5 }, { a: 10 }, { a: 15 }];
    gpu.script(base.seed, { pauseAfter: 8 });
    const response = await before.post({ base, cutoffs }, { path: "/v1/sweeps" });
    const path = response.headers.get("location");
    const reader = new SweepReader(response);
    const head = await reader.until(36);
    await reader.leave();
    await before.edge.stop();

    const after = new ConformanceClient(await startWorkerd(options), gpu, 10);
    try {
      const headers = { "last-event-id": "20" };
      const resumed = new SweepReader(await after.request(`${path}/events`, { headers }));
      const middle = await resumed.until(36);
      assert.deepEqual(middle, head.slice(21));
      for (const put of gpu.puts) gpu.release(put.id);
      const rest = await resumed.rest();
      const ids = [...head, ...rest].map(({ id }) => id);
      assert.deepEqual(ids, ids.map((_, index) => index));
      const last = rest.at(-1)?.event;
      assert(last?.type === "sweep.completed");
      assert.deepEqual(last.branches.map(({ cached }) => cached), [false, false, false, false]);
      assert.equal(gpu.started, 4, "the GPU function joins the runs that it has");
    } finally {
      await after.edge.stop();
    }
  });
});

Deno.test("A sweep is followed from the database after a restart, under the same ids", async () => {
  await withData(async (options, gpu) => {
    const before = new ConformanceClient(await startDeno(options), gpu, 1);
    const body = { base: before.fresh(), cutoffs: [{ a: 0 }, { a: 10 }] };
    const response = await before.post(body, { path: "/v1/sweeps" });
    const path = `${response.headers.get("location")}/events`;
    const whole = await new SweepReader(response).rest();
    await before.edge.stop();

    const after = new ConformanceClient(await startDeno(options), gpu, 10);
    try {
      const follow = (id: number) =>
        after.request(path, { headers: { "last-event-id": String(id) } });
      const rest = await new SweepReader(await follow(20)).rest();
      const isPreview = ({ data }: { readonly data: string }) =>
        data.includes("generation.preview");
      const expected = whole.slice(21).filter((frame) => !isPreview(frame));
      assert.deepEqual(rest.map(({ id }) => id), expected.map(({ id }) => id));
      const isSheet = ({ event }: { readonly event: { readonly type: string } }) =>
        event.type === "sweep.sheet";
      assert.deepEqual(
        rest.filter((frame) => !isSheet(frame)).map(({ data }) => data),
        expected.filter((frame) => !isSheet(frame)).map(({ data }) => data),
      );
      assert.equal((await follow(whole.length - 1)).status, 204);
      assert.equal(gpu.started, 2);
    } finally {
      await after.edge.stop();
    }
  });
});

Deno.test("On Deno a run is taken up after a restart though nobody asks, and its webhook called", async () => {
  const receiver = new WebhookReceiver(WEBHOOK_ENVIRONMENT.WEBHOOK_SECRET);
  await withData(async (data, gpu) => {
    const options = { ...data, environment: WEBHOOK_ENVIRONMENT };
    const before = new ConformanceClient(await startDeno(options), gpu, 1);
    const stored = before.fresh();
    const running = before.fresh();
    gpu.script(running.seed, { pauseAfter: 8 });
    const first = await before.stream(stored);
    const webhook = { url: receiver.url("/restarted") };
    const reader = new FrameReader(await before.post({ ...running, webhook }));
    const head = await reader.until(8);
    const id = idOf(head);
    await reader.leave();
    await before.edge.stop();

    const after = new ConformanceClient(await startDeno(options), gpu, 10);
    try {
      gpu.release(id);
      const [call] = await receiver.received("/restarted");
      assert.equal(call?.verified?.data.id, id);
      const rest = await readFrames(await after.follow(id, 5));
      assert.deepEqual(rest.slice(0, 3), head.slice(6));
      assert.deepEqual(rest.map((frame) => frame.id), Array.from({ length: 21 }, (_, i) => i + 6));
      const again = await after.stream(stored);
      assert.deepEqual(again.slice(0, -1), first.slice(0, -1));
      assert.equal(gpu.started, 2, "the GPU function joins the run that it has");
    } finally {
      await after.edge.stop();
    }
  });
  await receiver.close();
});

Deno.test("On Deno a sweep is taken up after a restart though nobody asks, under the same ids", async () => {
  await withData(async (options, gpu) => {
    const before = new ConformanceClient(await startDeno(options), gpu, 1);
    const base = before.fresh();
    const cutoffs = [{ a: 0 }, { a: 5 }, { a: 10 }];
    gpu.script(base.seed, { pauseAfter: 8 });
    const response = await before.post({ base, cutoffs }, { path: "/v1/sweeps" });
    const path = response.headers.get("location");
    const reader = new SweepReader(response);
    const head = await reader.until(27);
    await reader.leave();
    await before.edge.stop();

    const after = new ConformanceClient(await startDeno(options), gpu, 10);
    try {
      const headers = { "last-event-id": "20" };
      const resumed = new SweepReader(await after.request(`${path}/events`, { headers }));
      assert.deepEqual(await resumed.until(27), head.slice(21));
      for (const put of gpu.puts) gpu.release(put.id);
      const rest = await resumed.rest();
      const last = rest.at(-1)?.event;
      assert(last?.type === "sweep.completed");
      assert.deepEqual(last.branches.map(({ cached }) => cached), [false, false, false]);
      assert.equal(gpu.started, 3, "the GPU function joins the runs that it has");
    } finally {
      await after.edge.stop();
    }
  });
});

Deno.test("On Deno a process that is asked to stop lets its runs end, and refuses nothing that began", async () => {
  await withData(async (options, gpu) => {
    const environment = { SHUTDOWN_SECONDS: "20" };
    const client = new ConformanceClient(await startDeno({ ...options, environment }), gpu, 1);
    const request = client.fresh();
    gpu.script(request.seed, { pauseAfter: 8 });
    const reader = await client.open(request);
    const head = await reader.until(8);
    const stopped = client.edge.stop();
    const isOpen = () =>
      client.request("/health").then((response) => response.text()).then(() => true, () => false);
    while (await isOpen()) { /* It has not heard yet. */ }
    gpu.release(idOf(head));
    assert.equal((await reader.rest()).at(-1)?.event.type, "generation.completed");
    await stopped;

    const after = new ConformanceClient(await startDeno(options), gpu, 10);
    try {
      assert.equal((await after.json(request)).cached, true);
      assert.equal(gpu.started, 1);
    } finally {
      await after.edge.stop();
    }
  });
});
