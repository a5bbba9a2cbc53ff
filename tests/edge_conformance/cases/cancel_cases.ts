/** Who may end a run, on every platform. */
import assert from "node:assert/strict";
import { type AccessBench, withKey } from "../../support/access_bench.ts";
import {
  assertProblem,
  type Frame,
  FrameReader,
  idOf,
  readFrames,
  SweepReader,
} from "../../support/conformance_client.ts";
import type { AccessCase } from "./access_cases.ts";

type Headers = Record<string, string>;

/** A run that has been asked for by the given callers, each with a stream of its own. */
async function shared({ client, gpu }: AccessBench, askers: readonly Headers[]) {
  const request = client.fresh();
  gpu.script(request.seed, { pauseAfter: 7 });
  const readers = [];
  for (const headers of askers) {
    const reader = new FrameReader(await client.post(request, { headers }));
    const id = idOf(await reader.until(7));
    readers.push({ reader, id });
  }
  const id = readers[0]?.id ?? "";
  return {
    request,
    id,
    path: `/v1/generations/${id}`,
    readers: readers.map(({ reader }) => reader),
  };
}

async function cancel({ edge }: AccessBench, path: string, headers: Headers) {
  const response = await edge.request(path, { method: "DELETE", headers });
  assert.equal(response.headers.get("x-goes-on"), null, "who else is there is nobody's business");
  return response;
}

async function assertGoesOn(bench: AccessBench, path: string, headers: Headers): Promise<void> {
  const response = await cancel(bench, path, headers);
  assert.equal(response.status, 202);
  assert.equal((await response.json()).status, "running");
}

async function assertStranger(bench: AccessBench, path: string, headers: Headers): Promise<void> {
  const response = await cancel(bench, path, headers);
  const problem = await assertProblem(response, { status: 403, code: "forbidden" });
  assert.match(problem.detail, /must be canceled by an account that asked for it, given another$/);
}

const lastOf = (frames: readonly Frame[]) => frames.at(-1)?.event.type;

interface Strangers {
  readonly name: string;
  /** The caller who began it, and one who only knows its id. */
  callers(bench: AccessBench): readonly [began: Headers, stranger: Headers];
}

const STRANGERS: readonly Strangers[] = [
  { name: "another key", callers: ({ keys }) => [withKey(keys.own), withKey(keys.other)] },
  { name: "an address", callers: ({ keys, from }) => [withKey(keys.own), from()] },
  { name: "a key", callers: ({ keys, from }) => [from(), withKey(keys.own)] },
  { name: "another address", callers: ({ from }) => [from(), from()] },
  {
    name: "another /64",
    callers: ({ from }) => [from("2001:db8:9:1::1"), from("2001:db8:9:2::1")],
  },
];

const STRANGER_CASES = STRANGERS.map(({ name, callers }): AccessCase => ({
  name: `does not let ${name} cancel a run that it has not asked for`,
  async run(bench) {
    const [began, stranger] = callers(bench);
    const { id, path, readers: [reader] } = await shared(bench, [began]);
    await assertStranger(bench, path, stranger);
    const followed = await bench.edge.request(`${path}/events`, { headers: stranger });
    await assertStranger(bench, path, stranger);
    bench.gpu.release(id);
    assert.equal(
      lastOf(await readFrames(followed)),
      "generation.completed",
      "who reads is no asker",
    );
    assert.equal(lastOf(await reader?.rest() ?? []), "generation.completed");
  },
}));

export const CANCEL_CASES: readonly AccessCase[] = [
  ...STRANGER_CASES,
  {
    name: "knows an anonymous caller by its account, a /64 by any of its addresses",
    async run(bench) {
      const [one, other] = [bench.from("2001:db8:9:3::1"), bench.from("2001:db8:9:3::2")];
      const { path, readers: [reader] } = await shared(bench, [one]);
      assert.equal((await cancel(bench, path, other)).status, 202);
      assert.equal(lastOf(await reader?.rest() ?? []), "generation.canceled");
    },
  },
  {
    name: "lets a run go on for those who joined it when the one who began it cancels",
    async run(bench) {
      const [began, joined] = [bench.from(), bench.from()];
      const { id, path, readers } = await shared(bench, [began, joined]);
      for (const _ of [1, 2]) await assertGoesOn(bench, path, began);
      bench.gpu.release(id);
      for (const reader of readers) {
        assert.equal(lastOf(await reader.rest()), "generation.completed");
      }
    },
  },
  {
    name: "lets a run go on for the one who began it when those who joined it cancel",
    async run(bench) {
      const [began, joined] = [withKey(bench.keys.own), bench.from()];
      const { id, path, readers } = await shared(bench, [began, joined]);
      await assertGoesOn(bench, path, joined);
      bench.gpu.release(id);
      for (const reader of readers) {
        assert.equal(lastOf(await reader.rest()), "generation.completed");
      }
    },
  },
  {
    name: "ends a run for all of its readers when the last of its askers cancels",
    async run(bench) {
      const [began, joined, reads] = [bench.from(), withKey(bench.keys.own), bench.from()];
      const { path, readers } = await shared(bench, [began, joined, joined]);
      const followed = await bench.edge.request(`${path}/events`, { headers: reads });
      await assertGoesOn(bench, path, began);
      assert.equal((await cancel(bench, path, joined)).status, 202);
      for (const reader of [...readers, new FrameReader(followed)]) {
        assert.equal(lastOf(await reader.rest()), "generation.canceled");
      }
      const over = await cancel(bench, path, reads);
      assert.equal(over.status, 200, "there is nothing left to be canceled");
      assert.equal((await over.json()).status, "canceled");
    },
  },
  {
    name: "takes who asks again after a cancel for an asker again",
    async run(bench) {
      const [began, joined] = [bench.from(), bench.from()];
      const { request, id, path, readers } = await shared(bench, [began, joined]);
      await assertGoesOn(bench, path, joined);
      const again = await bench.client.post(request, { headers: joined });
      await assertGoesOn(bench, path, began);
      bench.gpu.release(id);
      for (const reader of [...readers, new FrameReader(again)]) {
        assert.equal(lastOf(await reader.rest()), "generation.completed");
      }
    },
  },
  {
    name: "does not let a stranger cancel a sweep or its branches, and lets its asker do both",
    async run(bench) {
      const { client, gpu, keys, from } = bench;
      const base = client.fresh();
      gpu.script(base.seed, { pauseAfter: 6 });
      const body = { base, cutoffs: [{ a: 0 }, { a: 5 }] };
      const headers = withKey(keys.own);
      const response = await client.post(body, { path: "/v1/sweeps", headers });
      const path = response.headers.get("location") ?? "";
      const reader = new SweepReader(response);
      const [planned] = await reader.until(14);
      assert(planned?.event.type === "sweep.planned");
      const branches = planned.event.branches.map(({ plan }) => `/v1/generations/${plan.id}`);
      for (const stranger of [from(), withKey(keys.other)]) {
        for (const one of [path, ...branches]) await assertStranger(bench, one, stranger);
      }
      assert.equal((await cancel(bench, branches[0] ?? "", headers)).status, 202);
      assert.equal((await cancel(bench, path, headers)).status, 202);
      assert.equal((await reader.rest()).at(-1)?.event.type, "sweep.canceled");
    },
  },
  {
    name: "ends a canceled sweep at once, though others want the generations that it began",
    async run(bench) {
      const { client, edge, gpu, keys, from } = bench;
      const base = client.fresh();
      gpu.script(base.seed, { pauseAfter: 6 });
      const headers = withKey(keys.own);
      const body = { base, cutoffs: [{ a: 0 }, { a: 5 }] };
      const response = await client.post(body, { path: "/v1/sweeps", headers });
      const reader = new SweepReader(response);
      const [planned] = await reader.until(14);
      assert(planned?.event.type === "sweep.planned");
      const [kept, given] = planned.event.branches.map(({ plan }) => plan.id);
      const joined = new FrameReader(
        await client.post({ ...base, cutoff: { a: 0 } }, { headers: from() }),
      );
      assert.equal(idOf(await joined.until(6)), kept);
      const path = response.headers.get("location") ?? "";
      assert.equal((await cancel(bench, path, headers)).status, 202);
      assert.equal((await reader.rest()).at(-1)?.event.type, "sweep.canceled");
      const shown = await edge.request(`/v1/generations/${given}`, { headers });
      assert.equal((await shown.json()).status, "canceled");
      gpu.release(kept ?? "");
      assert.equal(lastOf(await joined.rest()), "generation.completed");
    },
  },
];
