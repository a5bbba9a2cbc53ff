/** What the edge does with sweeps, on every platform. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  type GenerationEvent,
  parseSweepRequest,
  planGeneration,
  planSweep,
  type SweepEvent,
  type SweepEventOf,
} from "../../../contract/mod.ts";
import { planningModel } from "../../../contract/fixtures/planning_model.ts";
import type { Case } from "./case.ts";
import {
  assertProblem,
  type ConformanceClient,
  type Frame,
  readFrames,
  SweepReader,
} from "../../support/conformance_client.ts";
import { drawEvents } from "../../support/drawn_events.ts";

type SweepFrame = Frame<SweepEvent>;

const PATH = "/v1/sweeps";
const ROW = [0, 4, 8, 12, 16, 20].map((a) => ({ a }));

function freshSweep(client: ConformanceClient, cutoffs: readonly object[] = ROW) {
  const base = client.fresh();
  const parsed = parseSweepRequest({ base, cutoffs });
  assert(parsed.ok);
  const planned = planSweep(
    parsed.value,
    base.seed,
    (branch) => planGeneration(branch, planningModel()),
  );
  assert(planned.ok);
  const plan = planned.value;
  return {
    body: { base, cutoffs },
    base,
    plan,
    ids: plan.branches.map((branch) => branch.plan.id),
  };
}

function postSweep(client: ConformanceClient, body: unknown, headers = {}): Promise<Response> {
  return client.post(body, { path: PATH, headers });
}

async function streamSweep(client: ConformanceClient, body: unknown): Promise<SweepFrame[]> {
  return await new SweepReader(await postSweep(client, body)).rest();
}

async function followSweep(client: ConformanceClient, id: string, after?: number) {
  const headers: Record<string, string> = after === undefined
    ? {}
    : { "last-event-id": String(after) };
  return await client.request(`${PATH}/${id}/events`, { headers });
}

async function jsonSweep(client: ConformanceClient, body: unknown) {
  const response = await postSweep(client, body, { accept: "application/json" });
  if (response.status !== 200) assert.fail(await response.text());
  return await response.json();
}

function eventsOf(frames: readonly SweepFrame[], branch: number): GenerationEvent[] {
  return frames.flatMap(({ event }) =>
    event.type === "sweep.event" && event.branch === branch ? [event.event] : []
  );
}

function endOf<T extends SweepEvent["type"]>(
  frames: readonly SweepFrame[],
  type: T,
): SweepEventOf<T> {
  const last = frames.at(-1)?.event;
  assert.equal(last?.type, type);
  return last as SweepEventOf<T>;
}

const withoutPreviews = (frames: readonly SweepFrame[]) =>
  frames.filter(({ event }) =>
    event.type !== "sweep.event" || event.event.type !== "generation.preview"
  );

/** Frames without what differs in a later answer: its source, and the text of the sheet. */
const withoutSource = (frames: readonly SweepFrame[]) =>
  frames.map(({ id, data }) => [
    id,
    JSON.parse(data.replaceAll('"cached":true', '"cached":false'), (key, value) =>
      key === "svg" ? null : value),
  ]);

/** Opens a sweep whose branches pause, and reads until each branch has reached its pause. */
async function openPaused(client: ConformanceClient, cutoffs: readonly object[]) {
  const sweep = freshSweep(client, cutoffs);
  client.gpu.script(sweep.base.seed, { pauseAfter: 6 });
  const reader = new SweepReader(await postSweep(client, sweep.body));
  const head = await reader.until(7 * cutoffs.length);
  return { ...sweep, reader, head };
}

const STREAM_CASES: readonly Case[] = [
  {
    name: "merges the branches' own events into one log of a sweep",
    async run(client) {
      const { body, plan } = freshSweep(client);
      const { started } = client.gpu;
      const response = await postSweep(client, body);
      assert.equal(response.headers.get("location"), `${PATH}/${plan.id}`);
      const frames = await new SweepReader(response).rest();
      assert.deepEqual(frames.map(({ id }) => id), frames.map((_, index) => index));
      const [planned] = frames;
      assert(planned?.event.type === "sweep.planned");
      assert.deepEqual([planned.event.id, planned.event.evaluations], [plan.id, plan.evaluations]);
      assert.deepEqual(planned.event.branches.map(({ label }) => label).slice(0, 2), [
        "a = 0",
        "a = 4",
      ]);
      for (const [i, branch] of plan.branches.entries()) {
        assert.deepEqual(eventsOf(frames, i), drawEvents(branch.plan));
      }
      const { branches, evaluations, cached } = endOf(frames, "sweep.completed");
      assert.equal(cached, false);
      assert.deepEqual(branches.map(({ evaluations }) => evaluations.spent), [
        40,
        36,
        32,
        28,
        24,
        20,
      ]);
      assert.deepEqual(evaluations, {
        planned: 180,
        spent: 180,
        shared: 0,
        full: 240,
        saved: 0.25,
      });
      assert.equal(client.gpu.started - started, 6);
    },
  },
  {
    name: "ends a sweep with a labelled contact sheet, the same at its URL",
    async run(client) {
      const { body, plan } = freshSweep(client);
      const frames = await streamSweep(client, body);
      const sheet = frames.at(-2)?.event;
      assert(sheet?.type === "sweep.sheet" && sheet.svg !== null);
      for (const i of plan.branches.keys()) {
        const image = eventsOf(frames, i).find((event) => event.type === "generation.image");
        assert(image && sheet.svg.includes(`data:image/png;base64,${image.data}`));
      }
      for (const text of ["a = 0", "a = 20", "36 of 40 evaluations, 10 % saved"]) {
        assert(sheet.svg.includes(`>${text}</text>`), text);
      }
      const response = await client.request(sheet.url);
      assert.equal(response.headers.get("content-type"), "image/svg+xml");
      assert.match(response.headers.get("content-security-policy") ?? "", /default-src 'none'/);
      assert.equal(await response.text(), sheet.svg);
    },
  },
  {
    name: "answers a sweep in JSON after its end, each image under its URL",
    async run(client) {
      const { body, ids, plan } = freshSweep(client);
      const sweep = await jsonSweep(client, body);
      assert.deepEqual([sweep.id, sweep.status, sweep.cached], [plan.id, "succeeded", false]);
      assert.deepEqual(sweep.branches.map(({ id }: { id: string }) => id), ids);
      for (const { image } of sweep.branches) {
        const bytes = await (await client.request(image.url)).bytes();
        assert.equal(createHash("sha256").update(bytes).digest("hex"), image.sha256);
        assert.equal(image.bytes, 300);
      }
      const shown = await (await client.request(sweep.links.self)).json();
      assert.equal(shown.cached, true);
      assert.deepEqual(shown.evaluations, sweep.evaluations);
      assert.deepEqual(
        shown.branches.map((branch: object) => ({ ...branch, cached: false })),
        sweep.branches,
      );
    },
  },
  {
    name: "stores each branch of a sweep under its own key",
    async run(client) {
      const { body, base } = freshSweep(client);
      await streamSweep(client, body);
      const puts = client.gpu.puts.length;
      const single = await client.json({ ...base, cutoff: { guided_steps: 8 } });
      assert.equal(single.cached, true);
      assert.equal(client.gpu.puts.length, puts);
    },
  },
  {
    name: "answers a branch that is stored already from the cache",
    async run(client) {
      const { body, base } = freshSweep(client);
      const single = await client.stream({ ...base, cutoff: { a: 8 } });
      const { started } = client.gpu;
      const frames = await streamSweep(client, body);
      assert.equal(client.gpu.started - started, 5);
      const events = eventsOf(frames, 2);
      const last = events.at(-1);
      assert(last?.type === "generation.completed" && last.cached);
      assert.deepEqual(events.slice(0, -1), single.map(({ event }) => event).slice(0, -1));
      const { branches, evaluations } = endOf(frames, "sweep.completed");
      assert.deepEqual(branches.map(({ cached }) => cached), [
        false,
        false,
        true,
        false,
        false,
        false,
      ]);
      assert.deepEqual([branches[2]?.evaluations.spent, branches[2]?.evaluations.shared], [0, 32]);
      assert.deepEqual([evaluations.spent, evaluations.shared], [148, 32]);
    },
  },
  {
    name: "runs equal branches once, and says so",
    async run(client) {
      const { body } = freshSweep(client, [{ a: 5 }, { a: 0 }, { guided_steps: 15 }]);
      const { started } = client.gpu;
      const frames = await streamSweep(client, body);
      assert.equal(client.gpu.started - started, 2);
      assert.deepEqual(eventsOf(frames, 2), []);
      const { branches, evaluations } = endOf(frames, "sweep.completed");
      assert.deepEqual(
        branches.map(({ same_as, status }) => [same_as, status]),
        [[null, "succeeded"], [null, "succeeded"], [0, "succeeded"]],
      );
      assert.deepEqual([evaluations.planned, evaluations.spent, evaluations.shared], [110, 75, 35]);
      const sweep = await jsonSweep(client, body);
      assert.equal(sweep.branches[2].image.sha256, sweep.branches[0].image.sha256);
    },
  },
  {
    name: "answers a sweep the second time from the database, under the same ids",
    async run(client) {
      const { body, plan } = freshSweep(client);
      const first = await streamSweep(client, body);
      const puts = client.gpu.puts.length;
      const second = await streamSweep(client, body);
      assert.equal(client.gpu.puts.length, puts);
      assert.deepEqual(withoutSource(second), withoutSource(withoutPreviews(first)));
      assert.equal(endOf(second, "sweep.completed").cached, true);
      const cached = eventsOf(second, 3).at(-1);
      assert(cached?.type === "generation.completed" && cached.cached);
      assert.deepEqual((await jsonSweep(client, body)).id, plan.id);
    },
  },
  {
    name: "runs a stored sweep again for insights that it lacks, and stores it with them",
    async run(client) {
      const { body, base, plan } = freshSweep(client, ROW.slice(0, 2));
      await streamSweep(client, body);
      const { started } = client.gpu;
      const asked = { ...body, base: { ...base, insights: ["guidance"] } };
      const frames = await streamSweep(client, asked);
      assert.equal(client.gpu.started - started, 2);
      for (const i of [0, 1]) {
        const shown = eventsOf(frames, i).filter(({ type }) => type === "generation.guidance");
        assert.equal(shown.length, 20);
      }
      const puts = client.gpu.puts.length;
      for (const again of [asked, body]) {
        const second = await streamSweep(client, again);
        assert.deepEqual(withoutSource(second), withoutSource(withoutPreviews(frames)));
      }
      assert.equal(client.gpu.puts.length, puts);
      const followed = await new SweepReader(await followSweep(client, plan.id)).rest();
      assert.deepEqual(followed, frames);
    },
  },
  {
    name: "varies tails and windows too",
    async run(client) {
      const base = client.fresh({ cutoff: { a: 10 } });
      const tails = await streamSweep(client, { base, tails: ["null", "cond"] });
      const [planned] = tails;
      assert(planned?.event.type === "sweep.planned");
      assert.deepEqual(planned.event.branches.map(({ label }) => label), [
        "tail null",
        "tail cond",
      ]);
      const swap = client.fresh({ eos_swap: { prompt: "a brown chair" } });
      const eos_windows = [{ from: 0, to: 5 }, { from: 5, to: 20 }];
      const sweep = await jsonSweep(client, { base: swap, eos_windows });
      assert.deepEqual(
        sweep.branches.map(({ plan }: { plan: { eos_swap: { from: number } } }) =>
          plan.eos_swap.from
        ),
        [0, 5],
      );
    },
  },
  {
    name: "draws one seed for all branches of a sweep that gives none",
    async run(client) {
      const base = { model: "fixture", prompt: "a wooden chair" };
      const { branches } = await jsonSweep(client, { base, cutoffs: [{ a: 0 }, { a: 10 }] });
      assert.equal(branches[0].seed, branches[1].seed);
      assert.notEqual(branches[0].image.sha256, branches[1].image.sha256);
    },
  },
];

const RESUME_CASES: readonly Case[] = [
  {
    name: "resumes a running sweep with exactly the rest, after its client has left",
    async run(client) {
      const { reader, head, plan, ids } = await openPaused(client, ROW.slice(0, 4));
      await reader.leave();
      const resumed = new SweepReader(await followSweep(client, plan.id, 17));
      const middle = await resumed.until(28);
      for (const id of ids) client.gpu.release(id);
      const rest = await resumed.rest();
      const whole = await new SweepReader(await followSweep(client, plan.id)).rest();
      assert.deepEqual([...head.slice(0, 18), ...middle, ...rest], whole);
      assert.deepEqual(whole.map(({ id }) => id), whole.map((_, index) => index));
      assert.equal(endOf(rest, "sweep.completed").branches.length, 4);
    },
  },
  {
    name: "shares a running sweep among equal submissions",
    async run(client) {
      const { body, reader, head, ids } = await openPaused(client, ROW.slice(0, 2));
      const { started } = client.gpu;
      const joined = new SweepReader(await postSweep(client, body));
      const joinedHead = await joined.until(14);
      for (const id of ids) client.gpu.release(id);
      assert.deepEqual([...joinedHead, ...await joined.rest()], [...head, ...await reader.rest()]);
      assert.equal(client.gpu.started, started);
    },
  },
  {
    name: "resumes a finished sweep after any event with exactly the rest",
    async run(client) {
      const { body, plan } = freshSweep(client, ROW.slice(0, 2));
      const whole = await streamSweep(client, body);
      for (const { id: n } of whole.slice(0, -1).filter(({ id }) => id % 9 < 2)) {
        const rest = await new SweepReader(await followSweep(client, plan.id, n)).rest();
        assert.deepEqual(rest, whole.slice(n + 1));
        const headers = { "last-event-id": String(n) };
        const again = await new SweepReader(await postSweep(client, body, headers)).rest();
        assert.deepEqual(withoutSource(again), withoutSource(withoutPreviews(whole.slice(n + 1))));
      }
      const { status } = await followSweep(client, plan.id, whole.length - 1);
      assert.equal(status, 204, "an EventSource stops for 204 alone");
    },
  },
];

const FAILURE_CASES: readonly Case[] = [
  {
    name:
      "finishes the other branches where one fails, names it, and runs it alone when asked again",
    async run(client) {
      const { body, ids, plan } = freshSweep(client);
      client.gpu.script(ids[2] ?? "", { fail: true });
      const frames = await streamSweep(client, body);
      const { branches } = endOf(frames, "sweep.completed");
      assert.deepEqual(branches.map(({ status }) => status), [
        "succeeded",
        "succeeded",
        "failed",
        "succeeded",
        "succeeded",
        "succeeded",
      ]);
      assert.equal(branches[2]?.failure?.code, "internal");
      const sheet = frames.at(-2)?.event;
      assert(sheet?.type === "sweep.sheet" && sheet.svg?.includes("failed: internal"));
      const shown = await (await client.request(`${PATH}/${plan.id}`)).json();
      assert.deepEqual([shown.status, shown.branches[2].status], ["succeeded", "failed"]);
      client.gpu.script(ids[2] ?? "", {});
      const { started } = client.gpu;
      const again = endOf(await streamSweep(client, body), "sweep.completed");
      assert.equal(client.gpu.started - started, 1);
      assert.deepEqual(again.branches.map(({ cached }) => cached), [
        true,
        true,
        false,
        true,
        true,
        true,
      ]);
    },
  },
  {
    name: "fails a sweep of which no branch succeeded",
    async run(client) {
      const { body, base } = freshSweep(client, ROW.slice(0, 2));
      client.gpu.script(base.seed, { fail: true });
      const { error, branches } = endOf(await streamSweep(client, body), "sweep.failed");
      assert.equal(error.code, "internal");
      assert.match(error.detail, /^No branch succeeded\. Branch 0: /);
      assert.deepEqual(branches.map(({ status }) => status), ["failed", "failed"]);
      const response = await postSweep(client, body, { accept: "application/json" });
      await assertProblem(response, { status: 500, code: "internal" });
    },
  },
  {
    name: "refuses a sweep whose first branch is refused, before any event",
    async run(client) {
      const { body, base, plan } = freshSweep(client);
      client.gpu.script(base.seed, { refuse: "at_capacity" });
      const response = await postSweep(client, body);
      assert(Number(response.headers.get("retry-after")) > 0);
      await assertProblem(response, { status: 503, code: "at_capacity" });
      const shown = await client.request(`${PATH}/${plan.id}`);
      await assertProblem(shown, { status: 404, code: "not_found" });
    },
  },
  {
    name: "cancels the generations that a sweep began, and no others",
    async run(client) {
      const sweep = freshSweep(client, ROW.slice(0, 6));
      const { base, body, plan, ids } = sweep;
      client.gpu.script(base.seed, { pauseAfter: 6 });
      const other = await client.open({ ...base, cutoff: { a: 4 } });
      await other.until(6);
      const reader = new SweepReader(await postSweep(client, body));
      await reader.until(28);
      const response = await client.request(`${PATH}/${plan.id}`, { method: "DELETE" });
      assert.equal(response.status, 202);
      assert.equal((await response.json()).id, plan.id);
      const rest = await reader.rest();
      const { branches } = endOf(rest, "sweep.canceled");
      assert.deepEqual(branches.map(({ status }) => status), Array(6).fill("canceled"));
      for (const i of ids.keys()) {
        assert.equal(eventsOf(rest, i).at(-1)?.type, "generation.canceled");
      }
      const shown = await (await client.request(`${PATH}/${plan.id}`)).json();
      assert.equal(shown.status, "canceled");
      const begun = await (await client.request(`/v1/generations/${ids[0]}`)).json();
      assert.equal(begun.status, "canceled");
      client.gpu.release(ids[1] ?? "");
      assert.equal((await other.rest()).at(-1)?.event.type, "generation.completed");
      const again = await client.request(`${PATH}/${plan.id}`, { method: "DELETE" });
      assert.equal((await again.json()).status, "canceled");
    },
  },
  {
    name: "does not cancel a sweep that has finished",
    async run(client) {
      const { body, plan } = freshSweep(client, ROW.slice(0, 2));
      await streamSweep(client, body);
      const response = await client.request(`${PATH}/${plan.id}`, { method: "DELETE" });
      await assertProblem(response, { status: 409, code: "conflict" });
    },
  },
  {
    name: "shows a running sweep with what it has spent",
    async run(client) {
      const { plan, ids, reader } = await openPaused(client, ROW.slice(0, 2));
      const shown = await (await client.request(`${PATH}/${plan.id}`)).json();
      assert.deepEqual([shown.status, shown.links.sheet], ["running", null]);
      assert(shown.evaluations.spent > 0);
      const sheet = await client.request(`${PATH}/${plan.id}/sheet.svg`);
      await assertProblem(sheet, { status: 404, code: "not_found" });
      for (const id of ids) client.gpu.release(id);
      await reader.rest();
    },
  },
];

interface BadSweep {
  readonly name: string;
  readonly body: unknown;
  readonly field: string;
  readonly status?: number;
  readonly code?: string;
}

const good = { model: "fixture", prompt: "a blue bird" };
const unplannable = { status: 422, code: "unplannable" };

const BAD_SWEEPS: readonly BadSweep[] = [
  { name: "without a base", body: { cutoffs: ROW }, field: "base" },
  { name: "of nothing", body: { base: good }, field: "" },
  { name: "with an unknown field", body: { base: good, cutoffs: ROW, seed: 1 }, field: "seed" },
  { name: "of one branch", body: { base: good, cutoffs: [{ a: 0 }] }, field: "cutoffs" },
  {
    name: "of a wrong setting",
    body: { base: good, cutoffs: [{ a: 0 }, { a: 1 }, { a: "2" }] },
    field: "cutoffs.2.a",
  },
  {
    name: "of a cutoff behind the end",
    body: { base: good, cutoffs: [{ a: 0 }, { a: 21 }] },
    ...unplannable,
    field: "cutoffs.1.a",
  },
  {
    name: "whose base the model cannot do",
    body: { base: { ...good, width: 40 }, cutoffs: ROW },
    ...unplannable,
    field: "base.width",
  },
  {
    name: "of an unknown model",
    body: { base: { ...good, model: "other" }, cutoffs: ROW },
    status: 422,
    code: "unknown_model",
    field: "base.model",
  },
];

const refusalCases: Case[] = BAD_SWEEPS.map(({ name, body, field, status, code }) => ({
  name: `refuses a sweep ${name}`,
  async run(client) {
    const puts = client.gpu.puts.length;
    const expected = { status: status ?? 400, code: code ?? "invalid_request", field };
    await assertProblem(await postSweep(client, body), expected);
    assert.equal(client.gpu.puts.length, puts);
  },
}));

const unknown = "d".repeat(64);

const MISSING_CASES: readonly Case[] = [
  {
    name: "knows no sweep that nobody submitted",
    async run(client) {
      const expected = { status: 404, code: "not_found" };
      for (const path of ["", "/events", "/sheet.svg"]) {
        await assertProblem(await client.request(`${PATH}/${unknown}${path}`), expected);
      }
      const init = { method: "DELETE" };
      await assertProblem(await client.request(`${PATH}/${unknown}`, init), expected);
      const refused = await client.request(PATH);
      assert.equal(refused.headers.get("allow"), "POST");
      await assertProblem(refused, { status: 405, code: "method_not_allowed" });
    },
  },
  {
    name: "takes no generation for a sweep",
    async run(client) {
      const { id } = await client.json(client.fresh());
      const response = await client.request(`${PATH}/${id}`);
      await assertProblem(response, { status: 404, code: "not_found" });
      assert.equal((await readFrames(await client.follow(id))).length, 27);
    },
  },
];

export const SWEEP_CASES: readonly Case[] = [
  ...STREAM_CASES,
  ...RESUME_CASES,
  ...FAILURE_CASES,
  ...refusalCases,
  ...MISSING_CASES,
];
