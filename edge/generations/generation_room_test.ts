import assert from "node:assert/strict";
import { MANIFEST, planningModel } from "../../contract/fixtures/planning_model.ts";
import {
  accept,
  createProblem,
  type GenerationEvent,
  type Insight,
  type NumberedEvent,
  parseGenerationRequest,
  planGeneration,
  refuse,
} from "../../contract/mod.ts";
import type { FinishedGeneration } from "../../db/result_queries.ts";
import type { GpuBackend } from "../backends/gpu_backend.ts";
import type { LogRecord } from "../observability/log.ts";
import { createLocalLimiters } from "../limits/local_limiters.ts";
import { NO_STORE, type RoomStore } from "../rooms/room_store.ts";
import {
  createGenerationRoom,
  type GenerationRoom,
  type GenerationRoomPorts,
} from "./generation_room.ts";
import type { GenerationSubmission, RunEnd } from "./run.ts";

function submissionOf(seed: number, insights: readonly Insight[] = []): GenerationSubmission {
  const request = { model: MANIFEST.id, prompt: "a blue bird", seed, insights };
  const parsed = parseGenerationRequest(request);
  assert(parsed.ok);
  const seeded = { ...parsed.value, seed };
  const plan = planGeneration(seeded, planningModel());
  assert(plan.ok);
  const origin = { account: "key_1", request_id: "request-1" };
  return { request: seeded, plan: plan.value, origin };
}

const SUBMISSION = submissionOf(1);
const { plan } = SUBMISSION;
const IMAGE = new Uint8Array([1, 2, 3]);
const SHA256 = new Uint8Array(await crypto.subtle.digest("SHA-256", IMAGE)).toHex();

const RUN: readonly GenerationEvent[] = [
  { type: "generation.queued", id: plan.id },
  { type: "generation.planned", plan },
  {
    type: "generation.image",
    media_type: "image/png",
    width: 48,
    height: 32,
    data: IMAGE.toBase64(),
    sha256: SHA256,
  },
  {
    type: "generation.completed",
    id: plan.id,
    evaluations: { ...plan.evaluations, spent: 40, shared: 0 },
    determinism: "bitwise",
    timings: { total_ms: 2, inference_ms: 1 },
    cached: false,
  },
];

/** Creates a room whose surroundings the test controls. */
function createRoom(changes: Partial<GenerationRoomPorts> = {}) {
  const kept = {
    submits: 0,
    written: [] as FinishedGeneration[],
    logged: [] as LogRecord[],
    remembered: new Map<string, unknown>(),
    now: 0,
    ends: [] as RunEnd[],
  };
  const room = createGenerationRoom({
    gpu: backend(async function* () {
      kept.submits++;
      yield* RUN.map((event, id) => ({ id, event }));
    }),
    results: {
      write(result) {
        kept.written.push(result);
        return Promise.resolve("stored");
      },
    },
    store: storeIn(kept.remembered),
    limiters: createLocalLimiters(() => kept.now),
    now: () => kept.now,
    log: (record) => void kept.logged.push(record),
    keepAlive: () => {},
    afterEnd: (end) => Promise.resolve(void kept.ends.push(end)),
    ...changes,
  });
  return { room, kept };
}

function storeIn(kept: Map<string, unknown>): RoomStore {
  return {
    get: (name) => Promise.resolve(structuredClone(kept.get(name) ?? null)),
    put: (name, value) => Promise.resolve(void kept.set(name, structuredClone(value))),
    clear: () => Promise.resolve(kept.clear()),
  };
}

function backend(events: () => AsyncGenerator<NumberedEvent>): GpuBackend {
  return {
    submit: () => Promise.resolve(accept(events())),
    cancel: () => Promise.resolve(accept(null)),
    health: () => Promise.resolve({ status: "READY" }),
  };
}

async function joinAndFinish(room: GenerationRoom) {
  const joined = await room.join(SUBMISSION);
  assert(joined.ok);
  await joined.value.run.done;
  return joined.value;
}

Deno.test("GenerationRoom stores the whole log before anyone reads its end", async () => {
  const { room, kept } = createRoom({
    results: {
      write(result) {
        const types = room.run?.log.events.map(({ event }) => event.type);
        assert.equal(types?.at(-1), "generation.image");
        kept.written.push(result);
        return Promise.resolve("stored");
      },
    },
  });
  await joinAndFinish(room);
  assert.deepEqual(kept.logged, []);
  assert.deepEqual(kept.written[0]?.events.map(({ event }) => event), RUN);
});

Deno.test("GenerationRoom notes when each event came, counted from the beginning of the run", async () => {
  const { room, kept } = createRoom({
    gpu: backend(async function* () {
      for (const [id, event] of RUN.entries()) {
        kept.now += 7;
        yield { id, event };
      }
    }),
  });
  kept.now = 1_000;
  await joinAndFinish(room);
  assert.deepEqual(kept.written[0]?.events.map(({ at_ms }) => at_ms), [7, 14, 21, 28]);
});

Deno.test("GenerationRoom completes though the database fails, and says so in its log", async () => {
  const { room, kept } = createRoom({
    results: { write: () => Promise.reject(new Error("disk full")) },
  });
  const { run } = await joinAndFinish(room);
  assert.equal(run.log.events.at(-1)?.event.type, "generation.completed");
  assert.equal(kept.logged[0]?.message, "Storing failed");
});

Deno.test("GenerationRoom stores its result again when it is asked for what was not found stored", async () => {
  let failures = 1;
  const written: FinishedGeneration[] = [];
  const { room, kept } = createRoom({
    results: {
      write(result) {
        if (failures-- > 0) return Promise.reject(new Error("disk full"));
        written.push(result);
        return Promise.resolve("stored");
      },
    },
  });
  await joinAndFinish(room);
  assert.equal(written.length, 0);
  assert.equal((await joinAndFinish(room)).cached, true);
  assert.deepEqual(written[0]?.events.map(({ event }) => event), RUN);
  assert.equal(kept.submits, 1);
});

Deno.test("GenerationRoom tells the end of a run, whose it was and how it came", async () => {
  const { room, kept } = createRoom();
  await joinAndFinish(room);
  const [end] = kept.ends;
  assert.equal(end?.event.type, "generation.completed");
  assert.deepEqual(end?.submission.origin, { account: "key_1", request_id: "request-1" });
  const { room: failing, kept: failed } = createRoom({
    gpu: backend(async function* () {}),
    afterEnd: () => Promise.reject(new Error("gone")),
  });
  await joinAndFinish(failing);
  assert.deepEqual(failed.logged.map(({ message }) => message).slice(-1), ["After the end"]);
});

Deno.test("GenerationRoom answers from its finished run, then forgets it", async () => {
  const { room, kept } = createRoom();
  assert.equal((await joinAndFinish(room)).cached, false);
  assert.equal((await joinAndFinish(room)).cached, true);
  assert.equal(kept.submits, 1);
  kept.now += 5 * 60_000 + 1;
  assert.equal((await joinAndFinish(room)).cached, false);
  assert.equal(kept.submits, 2);
});

Deno.test("GenerationRoom ends a run without end as failed, once, and runs it again when asked", async () => {
  let submits = 0;
  const { room } = createRoom({
    gpu: backend(async function* () {
      yield* RUN.slice(0, ++submits === 1 ? 2 : 4).map((event, id) => ({ id, event }));
    }),
  });
  const { run } = await joinAndFinish(room);
  const last = run.log.events.at(-1);
  assert(last?.event.type === "generation.failed");
  assert.deepEqual([last.id, last.event.error.code], [2, "upstream_failed"]);
  const again = await joinAndFinish(room);
  assert.equal(again.cached, false);
  assert.equal(again.run.log.events.at(-1)?.event.type, "generation.completed");
});

Deno.test("GenerationRoom ends a run whose ids do not grow as failed", async () => {
  const { room } = createRoom({
    gpu: backend(async function* () {
      yield* RUN.map((event) => ({ id: 0, event }));
    }),
  });
  const { run } = await joinAndFinish(room);
  assert.deepEqual(run.log.events.map(({ event }) => event.type), [
    "generation.queued",
    "generation.failed",
  ]);
});

Deno.test("GenerationRoom reports one end of a run whose own end cannot be taken", async () => {
  const { room, kept } = createRoom({
    gpu: backend(async function* () {
      yield* RUN.map((event, id) => ({ id: Math.min(id, 2), event }));
    }),
  });
  const { run } = await joinAndFinish(room);
  assert.deepEqual(run.log.events.map(({ id, event }) => [id, event.type]).slice(2), [
    [2, "generation.image"],
    [3, "generation.failed"],
  ]);
  assert.deepEqual(kept.ends.map(({ event }) => event.type), ["generation.failed"]);
});

Deno.test("GenerationRoom takes up a run that was lost with its process", async () => {
  const hang = Promise.withResolvers<void>();
  const remembered = new Map<string, unknown>();
  const store = storeIn(remembered);
  const lost = createRoom({
    store,
    gpu: backend(async function* () {
      yield* RUN.slice(0, 2).map((event, id) => ({ id, event }));
      await hang.promise;
    }),
  });
  await lost.room.join(SUBMISSION);
  const { room, kept } = createRoom({ store });
  const found = await room.find(() => true);
  assert(found.ok && found.value);
  await found.value.done;
  assert.deepEqual(found.value.log.events.map(({ event }) => event), RUN);
  assert.equal(kept.submits, 1);
  assert.equal(remembered.size, 0, "a finished run must not be taken up again");
  hang.resolve();
});

Deno.test("GenerationRoom's memory of a new run outlasts the end of the one before", async () => {
  const followedUp = Promise.withResolvers<void>();
  let submits = 0;
  const { room, kept } = createRoom({
    gpu: backend(async function* () {
      yield* RUN.slice(0, 2).map((event, id) => ({ id, event }));
      if (++submits === 2) await new Promise(() => {});
    }),
    afterEnd: () => followedUp.promise,
  });
  const first = await room.join(SUBMISSION);
  assert(first.ok);
  await first.value.run.log.changed;
  while (!first.value.run.log.ended) await first.value.run.log.changed;
  assert((await room.join(SUBMISSION)).ok);
  followedUp.resolve();
  await first.value.run.done;
  assert.deepEqual([...kept.remembered.keys()], ["submission"]);
});

Deno.test("GenerationRoom retains how a run failed beyond its process, for a while", async () => {
  const remembered = new Map<string, unknown>();
  const store = { ...storeIn(remembered), watch: () => Promise.resolve() };
  const failing = createRoom({
    store,
    gpu: backend(async function* () {
      yield* RUN.slice(0, 3).map((event, id) => ({ id, event }));
    }),
  });
  failing.kept.now = 1_000;
  await joinAndFinish(failing.room);
  // The next process knows only what was kept.
  assert.deepEqual([...remembered.keys()], ["end"]);
  const next = () => createRoom({ store: { ...store, ...storeIn(new Map(remembered)) } });
  const { room, kept: after } = next();
  after.now = 1_000 + 5 * 60_000;
  const found = await room.find(() => true);
  assert(found.ok && found.value);
  assert.deepEqual(found.value.log.events.map(({ id, event }) => [id, event.type]), [
    [0, "generation.queued"],
    [1, "generation.planned"],
    [3, "generation.failed"],
  ]);
  assert.equal((await joinAndFinish(room)).cached, false, "asked for again it runs anew");
  const late = next();
  late.kept.now = 1_001 + 5 * 60_000;
  assert.deepEqual(await late.room.find(() => true), accept(null));
  const unwatched = createRoom({ gpu: backend(async function* () {}) });
  await joinAndFinish(unwatched.room);
  assert.equal(unwatched.kept.remembered.size, 0, "what no alarm clears is not kept");
});

Deno.test("GenerationRoom remembers a lost run while the GPU function is away", async () => {
  let away = true;
  const events = (async function* () {
    yield* RUN.map((event, id) => ({ id, event }));
  })();
  const { room, kept } = createRoom({
    gpu: {
      ...backend(() => events),
      submit: () =>
        Promise.resolve(
          away ? refuse(createProblem("gpu_unavailable", "away")) : accept(events),
        ),
    },
  });
  kept.remembered.set("submission", SUBMISSION);
  assert.equal((await room.find(() => true)).ok, false);
  away = false;
  const found = await room.find(() => true);
  assert(found.ok && found.value);
  await found.value.done;
  assert.equal(found.value.log.events.length, RUN.length);
});

Deno.test("GenerationRoom runs again for insights that its run lacks, one run at a time, each with all", async () => {
  const asked: Insight[][] = [];
  let running = 0;
  const gpu: GpuBackend = {
    ...backend(async function* () {}),
    submit({ request }) {
      assert.equal(running++, 0);
      asked.push([...request.insights]);
      const events = async function* () {
        for (const [id, event] of RUN.entries()) {
          await Promise.resolve();
          if (id === RUN.length - 1) running--;
          yield { id, event };
        }
      };
      return Promise.resolve(accept(events()));
    },
  };
  const { room, kept } = createRoom({ gpu });
  const joins = [[], ["guidance"], ["frequency"], ["guidance"], []] as const;
  const answers = await Promise.all(joins.map(async (insights) => {
    const joined = await room.join(submissionOf(1, insights));
    assert(joined.ok);
    await joined.value.run.done;
    return joined.value.run.submission.plan.insights.names;
  }));
  assert.deepEqual(asked, [[], ["guidance"], ["frequency", "guidance"]]);
  assert.deepEqual(answers[0], []);
  for (const [i, insights] of joins.entries()) {
    for (const name of insights) assert(answers[i]?.includes(name), `${i} lacks ${name}`);
  }
  assert.deepEqual(kept.written.map(({ plan }) => plan.insights.names), asked);
});

Deno.test("GenerationRoom knows no run that nobody submitted", async () => {
  assert.deepEqual(await createRoom().room.find(() => true), accept(null));
});

const TIGHT = { requests_per_minute: 1, evaluations_per_minute: 40, concurrent_generations: 1 };

function begunBy(account: string, submission = SUBMISSION): GenerationSubmission {
  return { ...submission, origin: { account, request_id: "request-2", limits: TIGHT } };
}

Deno.test("GenerationRoom charges who begins the run, not who joins it, and frees the slot at its end", async () => {
  const limiters = createLocalLimiters(() => 0);
  const { room } = createRoom({ limiters });
  const look = async (account: string) =>
    (await limiters.call(account, { action: "look", limits: TIGHT })).standing;
  const [first] = await Promise.all([room.join(begunBy("a")), room.join(begunBy("b"))]);
  assert(first.ok);
  assert.equal((await look("a")).generations.remaining, 0);
  await first.value.run.done;
  const [a, b] = [await look("a"), await look("b")];
  assert.deepEqual([a.generations.remaining, a.evaluations.remaining], [1, 0]);
  assert.deepEqual([b.generations.remaining, b.evaluations.remaining], [1, 40]);
});

Deno.test("GenerationRoom refuses an account without room, and nobody else with it", async () => {
  const limiters = createLocalLimiters(() => 0);
  await limiters.call("a", { action: "begin", run: "other", evaluations: 1, limits: TIGHT });
  const { room, kept } = createRoom({ limiters });
  const [a, b] = await Promise.all([room.join(begunBy("a")), room.join(begunBy("b"))]);
  assert(!a.ok && b.ok);
  assert.equal(a.problem.code, "rate_limited");
  assert.equal(a.problem.retry_after, 5);
  await b.value.run.done;
  assert.equal(kept.submits, 1);
});

Deno.test("GenerationRoom gives back all that a run costs which the GPU function refuses", async () => {
  const limiters = createLocalLimiters(() => 0);
  const refusal = createProblem("at_capacity", "Full");
  const gpu = { ...backend(async function* () {}), submit: () => Promise.resolve(refuse(refusal)) };
  const { room } = createRoom({ limiters, gpu: gpu as GpuBackend });
  assert(!(await room.join(begunBy("a"))).ok);
  const { standing } = await limiters.call("a", { action: "look", limits: TIGHT });
  assert.deepEqual([standing.generations.remaining, standing.evaluations.remaining], [1, 40]);
});

Deno.test("GenerationRoom goes on with a run that was cut off, whatever its account has used since", async () => {
  const limiters = createLocalLimiters(() => 0);
  await limiters.call("a", { action: "begin", run: "other", evaluations: 40, limits: TIGHT });
  const { room, kept } = createRoom({ limiters });
  kept.remembered.set("submission", begunBy("a"));
  const found = await room.find(() => true);
  assert(found.ok && found.value);
  await found.value.done;
  assert.equal(kept.written.length, 1);
});

Deno.test("GenerationRoom whose memory is away does not say that there is no run", async () => {
  const { room, kept } = createRoom({
    store: { ...NO_STORE, get: () => Promise.reject(new Error("gone")) },
  });
  const found = await room.find(() => true);
  assert(!found.ok && found.problem.code === "storage_unavailable");
  assert.deepEqual(kept.logged.map(({ message }) => message), ["Room memory failed"]);
});

Deno.test("GenerationRoom knows after its process was lost who had asked for the run, and who had left", async () => {
  const [began, joined, left] = ["key_1", "key_2", "key_3"].map((account) => ({ account }));
  assert(began && joined && left);
  const kept = new Map<string, unknown>();
  const never = new Promise<never>(() => {});
  const canceled: string[] = [];
  const gpu: GpuBackend = {
    ...backend(async function* () {
      yield { id: 0, event: { type: "generation.queued", id: plan.id } };
      await never;
    }),
    cancel(id) {
      canceled.push(id);
      return Promise.resolve(accept(null));
    },
  };
  const first = createRoom({ gpu, store: storeIn(kept) });
  for (const { account } of [began, joined, left]) {
    assert(
      (await first.room.join({ ...SUBMISSION, origin: { ...SUBMISSION.origin, account } })).ok,
    );
  }
  const { run } = first.room;
  assert(run && (await first.room.leave(run, left)).ok);
  const { room } = createRoom({ gpu, store: storeIn(kept) });
  const found = await room.find(() => true);
  assert(found.ok && found.value);
  assert(!room.hasAsked({ account: "key_4" }));
  for (const [asker, goesOn] of [[left, true], [began, true], [joined, false]] as const) {
    assert(room.hasAsked(asker), asker.account);
    assert.deepEqual(await room.leave(found.value, asker), accept({ goesOn }));
    assert.equal(canceled.length, goesOn ? 0 : 1);
  }
});

Deno.test("GenerationRoom charges a run that reuses features for what it computes", async () => {
  const limiters = createLocalLimiters(() => 0);
  const limits = { ...TIGHT, evaluations_per_minute: 1_000 };
  const { room } = createRoom({ limiters });
  const compute = {
    planned: plan.evaluations.planned / 4,
    full: plan.evaluations.full,
    saved: 0.75,
  };
  const origin = { account: "a", request_id: "request-2", limits };
  const joined = await room.join({ ...SUBMISSION, plan: { ...plan, compute }, origin });
  assert(joined.ok);
  const { standing } = await limiters.call("a", { action: "look", limits });
  assert.equal(standing.evaluations.remaining, 1_000 - Math.ceil(plan.evaluations.planned / 4));
  await joined.value.run.done;
});

for (
  const [name, shown, extra] of [
    ["nothing besides", {}, 0],
    ["previews by projection", { previews: { method: "projection", steps: [1, 2] } }, 0],
    ["two previews by the VAE", { previews: { method: "vae", steps: [1, 2] } }, 6],
    ["an insight", { insights: { names: ["guidance"] } }, Math.ceil(plan.evaluations.planned / 10)],
    [
      "both",
      { previews: { method: "vae", steps: [1] }, insights: { names: ["guidance"] } },
      3 + Math.ceil(plan.evaluations.planned / 10),
    ],
  ] as const
) {
  Deno.test(`GenerationRoom charges a run that shows ${name} with ${extra} evaluations more`, async () => {
    const limiters = createLocalLimiters(() => 0);
    const limits = { ...TIGHT, evaluations_per_minute: 1_000 };
    const { room } = createRoom({ limiters });
    const previews = { ...plan.previews, ..."previews" in shown ? shown.previews : {} };
    const insights = { ...plan.insights, ..."insights" in shown ? shown.insights : {} };
    const origin = { account: "a", request_id: "request-2", limits };
    const joined = await room.join({
      ...SUBMISSION,
      plan: { ...plan, previews, insights },
      origin,
    });
    assert(joined.ok);
    const left = async () =>
      (await limiters.call("a", { action: "look", limits })).standing.evaluations.remaining;
    assert.equal(await left(), 1_000 - plan.evaluations.planned - extra);
    await joined.value.run.done;
    assert.equal(await left(), 1_000 - 40 - extra);
  });
}
