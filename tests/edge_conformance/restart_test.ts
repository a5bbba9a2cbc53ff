// What survives the edge's process: results and runs under way.
import assert from "node:assert/strict";
import type { GenerationRequestInput, SweepEvent } from "../../contract/mod.ts";
import { WebhookReceiver } from "../support/webhook_receiver.ts";
import { runKeys } from "../../scripts/cli/keys.ts";
import { WEBHOOK_ENVIRONMENT } from "../support/access_bench.ts";
import {
  ConformanceClient,
  type Frame,
  FrameReader,
  idOf,
  readFrames,
  SweepReader,
  typesOf,
} from "../support/conformance_client.ts";
import { type Edge, type EdgeOptions, startDeno, startWorkerd } from "../support/edges.ts";
import { withGround } from "../support/ground.ts";
import { keyedClient, webhookSecretOf } from "./cases/webhook_cases.ts";

interface Loss {
  readonly name: string;
  /** Acts on the process that ends. @returns the check to make on the next one */
  begin(
    before: ConformanceClient,
    options: EdgeOptions,
  ): Promise<(after: ConformanceClient) => Promise<void>>;
}

/** Runs all losses over one process that ends and one that follows. */
async function loseAll(
  t: Deno.TestContext,
  start: (options: EdgeOptions) => Promise<Edge>,
  losses: readonly Loss[],
): Promise<void> {
  await withGround(async (ground, gpu) => {
    const options = { ...ground, environment: WEBHOOK_ENVIRONMENT };
    const before = new ConformanceClient(await start(options), gpu, 1);
    const ends: (readonly [name: string, end: (after: ConformanceClient) => Promise<void>])[] = [];
    for (const { name, begin } of losses) ends.push([name, await begin(before, options)]);
    await before.edge.stop();
    const after = new ConformanceClient(await start(options), gpu, 1_000);
    try {
      for (const [name, end] of ends) await t.step(name, () => end(after));
    } finally {
      await after.edge.stop();
    }
  });
}

const idsFrom = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, i) => i + first);

/** Opens a stream, reads up to an event after which the run pauses, and leaves. */
async function leaveInMidRun(
  client: ConformanceClient,
  request: GenerationRequestInput & { readonly seed: number },
  pauseAfter: number,
): Promise<{ readonly id: string; readonly head: readonly Frame[] }> {
  client.gpu.script(request.seed, { pauseAfter });
  const reader = await client.open(request);
  const head = await reader.until(pauseAfter);
  await reader.leave();
  return { id: idOf(head), head };
}

/** Leaves a sweep after an event. @returns its id and its branches' ids */
async function leaveSweep(client: ConformanceClient, a: readonly number[], last: number) {
  const base = client.fresh();
  client.gpu.script(base.seed, { pauseAfter: 8 });
  const body = { base, cutoffs: a.map((a) => ({ a })) };
  const response = await client.post(body, { path: "/v1/sweeps" });
  const path = `${response.headers.get("location")}/events`;
  const reader = new SweepReader(response);
  const head = await reader.until(last);
  await reader.leave();
  return { path, head, ids: branchIdsOf(head) };
}

function branchIdsOf([planned]: readonly Frame<SweepEvent>[]): string[] {
  assert(planned?.event.type === "sweep.planned");
  return planned.event.branches.map(({ plan }) => plan.id);
}

/** A sweep that was lost after an event is merged again under the same ids. */
function sweepLoss(name: string, a: readonly number[], last: number): Loss {
  return {
    name,
    async begin(before) {
      const { path, head, ids } = await leaveSweep(before, a, last);
      return async (after) => {
        const { gpu } = after;
        const headers = { "last-event-id": "20" };
        const resumed = new SweepReader(await after.request(path, { headers }));
        assert.deepEqual(await resumed.until(last), head.slice(21));
        for (const id of ids) gpu.release(id);
        const rest = await resumed.rest();
        assert.deepEqual([...head, ...rest].map(({ id }) => id), idsFrom(0, rest.at(-1)?.id ?? 0));
        const end = rest.at(-1)?.event;
        assert(end?.type === "sweep.completed");
        assert.deepEqual(end.branches.map(({ cached }) => cached), a.map(() => false));
        const starts = ids.map((id) => gpu.startsOf(id));
        assert.deepEqual(starts, a.map(() => 1), "the GPU function joins the runs that it has");
      };
    },
  };
}

const runLoss: Loss = {
  name: "a run goes on under the same ids, and what was stored is still there",
  async begin(before) {
    const stored = before.fresh();
    const first = await before.stream(stored);
    const { id, head } = await leaveInMidRun(before, before.fresh(), 8);
    return async (after) => {
      const resumed = new FrameReader(await after.follow(id, 5));
      const middle = await resumed.until(8);
      after.gpu.release(id);
      const rest = [...middle, ...await resumed.rest()];
      assert.deepEqual(rest.slice(0, 3), head.slice(6));
      assert.deepEqual(rest.map((frame) => frame.id), idsFrom(6, 26));
      assert.equal(after.gpu.startsOf(id), 1, "the GPU function joins the run that it has");
      const again = await after.stream(stored);
      assert.deepEqual(again.slice(0, -1), first.slice(0, -1));
      assert.equal(after.gpu.startsOf(idOf(first)), 1);
    };
  },
};

const forgottenRunLoss: Loss = {
  name: "a run is taken up, and stored, though no reader returns; its end is retained",
  async begin(before) {
    const { gpu } = before;
    const canceled = before.fresh();
    gpu.script(canceled.seed, { pauseAfter: 5 });
    const canceling = await before.open(canceled);
    const canceledId = idOf(await canceling.until(5));
    const path = `/v1/generations/${canceledId}`;
    await (await before.request(path, { method: "DELETE" })).body?.cancel();
    await canceling.rest();
    const running = before.fresh();
    const { id, head } = await leaveInMidRun(before, running, 8);
    // The GPU function loses the run as well, so it starts over and comes out the same.
    gpu.forget(id);
    gpu.script(running.seed, {});
    return async (after) => {
      while (gpu.startsOf(id) < 2) await gpu.nextPut();
      const rest = await readFrames(await after.follow(id, 5));
      assert.deepEqual(rest.slice(0, 3), head.slice(6));
      assert.deepEqual(rest.map((frame) => frame.id), idsFrom(6, 26));
      const types = typesOf(rest);
      assert.deepEqual([types.indexOf("completed"), types.length], [20, 21], "one end, the last");
      assert.equal((await after.json(running)).cached, true);
      const retained = typesOf(await readFrames(await after.follow(canceledId, 3)));
      assert.deepEqual(retained, ["step", "step", "canceled"], "its end is retained");
      assert.deepEqual([gpu.startsOf(id), gpu.startsOf(canceledId)], [2, 1]);
    };
  },
};

Deno.test("Durable Objects that were lost in mid-run", (t) =>
  loseAll(t, startWorkerd, [
    runLoss,
    sweepLoss("a sweep is merged again under the same ids", [0, 5, 10, 15], 36),
    // This is the last, so that the others are back before any alarm fires.
    forgottenRunLoss,
  ]));

const storedSweepLoss: Loss = {
  name: "a sweep is followed from the database, under the same ids",
  async begin(before) {
    const body = { base: before.fresh(), cutoffs: [{ a: 0 }, { a: 10 }] };
    const response = await before.post(body, { path: "/v1/sweeps" });
    const path = `${response.headers.get("location")}/events`;
    const whole = await new SweepReader(response).rest();
    return async (after) => {
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
      assert.deepEqual(branchIdsOf(whole).map((id) => after.gpu.startsOf(id)), [1, 1]);
    };
  },
};

/** A run that no request asks for again before its webhook is called. */
function webhookLoss(receiver: WebhookReceiver): Loss {
  return {
    name: "a run is taken up though nobody asks, and its webhook called",
    async begin(before, { dataDir }) {
      const stored = before.fresh();
      const first = await before.stream(stored);
      const keyed = keyedClient(before, await createKey(dataDir), 500);
      receiver.secret = await webhookSecretOf(keyed);
      const running = { ...keyed.fresh(), webhook: { url: receiver.url("/restarted") } };
      const { id, head } = await leaveInMidRun(keyed, running, 8);
      return async (after) => {
        after.gpu.release(id);
        const [call] = await receiver.received("/restarted");
        assert.equal(call?.verified?.data.id, id);
        const rest = await readFrames(await after.follow(id, 5));
        assert.deepEqual(rest.slice(0, 3), head.slice(6));
        assert.deepEqual(rest.map((frame) => frame.id), idsFrom(6, 26));
        const again = await after.stream(stored);
        assert.deepEqual(again.slice(0, -1), first.slice(0, -1));
        assert.equal(after.gpu.startsOf(id), 1, "the GPU function joins the run that it has");
        assert.equal(after.gpu.startsOf(idOf(first)), 1);
      };
    },
  };
}

async function createKey(dataDir: string): Promise<string> {
  const said: string[] = [];
  await runKeys(["create", "--name", "receiver", "--database", `${dataDir}/shapefirst.sqlite`], {
    say: (line) => void said.push(line),
    now: () => 1_700_000_000_000,
    environment: () => undefined,
  });
  return said[0] ?? "";
}

Deno.test("On Deno what was lost with its process", async (t) => {
  const receiver = new WebhookReceiver();
  await loseAll(t, startDeno, [
    webhookLoss(receiver),
    storedSweepLoss,
    sweepLoss("a sweep is taken up though nobody asks, under the same ids", [0, 5, 10], 27),
  ]);
  await receiver.close();
});

Deno.test("On Deno a process that is asked to stop lets its runs end, and refuses nothing that began", async () => {
  await withGround(async (options, gpu) => {
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
