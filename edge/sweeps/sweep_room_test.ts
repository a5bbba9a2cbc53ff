// If this breaks, a sweep's log has no end when something around its room fails.
import assert from "node:assert/strict";
import { planningModel } from "../../contract/fixtures/planning_model.ts";
import {
  accept,
  createProblem,
  createServerSentDecoder,
  type GenerationEvent,
  parseSweepEvent,
  parseSweepRequest,
  type Plan,
  planGeneration,
  planSweep,
  refuse,
  type SweepEvent,
} from "../../contract/mod.ts";
import type { Results } from "../../db/result_queries.ts";
import type { StoredSweep } from "../../db/sweep_queries.ts";
import { createLocalRooms } from "../platforms/deno/rooms/local_rooms.ts";
import { BEGUN_HERE } from "../generations/generation_room_routes.ts";
import type { GpuBackend } from "../backends/gpu_backend.ts";
import type { LogRecord } from "../observability/log.ts";
import { NO_READER_CACHE } from "../cache/reader_cache.ts";
import { createLocalLimiters } from "../limits/local_limiters.ts";
import { READING, readLog } from "../rooms/event_stream.ts";
import { NO_STORE, type RoomStore } from "../rooms/room_store.ts";
import { createSweepRoom, type SweepRoom, type SweepRoomPorts } from "./sweep_room.ts";
import { handleSweepRequest } from "./sweep_room_routes.ts";
import type { SweepRun } from "./sweep_run.ts";

function sweepOf(...cutoffs: readonly number[]) {
  const parsed = parseSweepRequest({
    base: { model: "fixture", prompt: "a blue bird", num_inference_steps: 4 },
    cutoffs: cutoffs.map((a) => ({ a })),
  });
  assert(parsed.ok);
  const planned = planSweep(parsed.value, 7, (branch) => planGeneration(branch, planningModel()));
  assert(planned.ok);
  return planned.value;
}

const PLAN = sweepOf(0, 2, 4);

const NO_RESULTS: Results = {
  has: () => Promise.resolve(false),
  find: () => Promise.resolve(null),
  replay: () => Promise.resolve(null),
  image: () => Promise.resolve(null),
  touch: () => Promise.resolve(),
  write: () => Promise.resolve("stored"),
};

const sha256Of = async (bytes: Uint8Array<ArrayBuffer>) =>
  new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();

async function drawRun(plan: Plan, imageBytes: number): Promise<GenerationEvent[]> {
  const image = new Uint8Array(imageBytes);
  const bitmap = { media_type: "image/png", width: 48, height: 32 } as const;
  const { planned } = plan.evaluations;
  return [
    { type: "generation.queued", id: plan.id },
    { type: "generation.planned", plan },
    { type: "generation.image", ...bitmap, data: image.toBase64(), sha256: await sha256Of(image) },
    {
      type: "generation.completed",
      id: plan.id,
      evaluations: { ...plan.evaluations, spent: planned, shared: 0 },
      determinism: "bitwise",
      timings: { total_ms: 2, inference_ms: 1 },
      cached: false,
    },
  ];
}

const ORIGIN = { account: "key_1", request_id: "request-1" };

interface Surroundings {
  readonly imageBytes?: number;
  /** Whether the GPU function takes the submission. */
  readonly admits?: (id: string, attempt: number) => boolean;
}

/** Creates a room over rooms of generations that draw at once. */
function createRoom(
  { imageBytes = 9, admits = () => true }: Surroundings,
  changes: Partial<SweepRoomPorts> = {},
) {
  const kept = {
    stored: [] as StoredSweep[],
    logged: [] as LogRecord[],
    attempts: [] as string[],
    ended: [] as (string | undefined)[],
  };
  const plans = new Map(PLAN.branches.map(({ plan }) => [plan.id, plan]));
  const gpu: GpuBackend = {
    submit({ id }) {
      kept.attempts.push(id);
      const plan = plans.get(id);
      assert(plan);
      const attempt = kept.attempts.filter((other) => other === id).length;
      if (!admits(id, attempt)) {
        return Promise.resolve(refuse(createProblem("at_capacity", "Full")));
      }
      return Promise.resolve(accept((async function* () {
        for (const [id, event] of (await drawRun(plan, imageBytes)).entries()) yield { id, event };
      })()));
    },
    cancel: () => Promise.resolve(accept(null)),
    health: () => Promise.resolve({ status: "READY" }),
  };
  const shared = {
    results: NO_RESULTS,
    cache: NO_READER_CACHE,
    limiters: createLocalLimiters(() => 0),
    now: () => 0,
    log: (record: LogRecord) => void kept.logged.push(record),
    keepAlive: () => {},
  };
  const rooms = createLocalRooms({ ...shared, gpu, afterEnd: () => Promise.resolve() });
  const room = createSweepRoom({
    ...shared,
    rooms,
    sweeps: {
      write: (sweep) => Promise.resolve(void kept.stored.push(sweep)),
    },
    store: NO_STORE,
    afterSweepEnd: (run) => Promise.resolve(void kept.ended.push(run.end?.event.type)),
    ...changes,
  });
  return { room, kept, rooms };
}

function storeIn(kept: Map<string, unknown>): RoomStore {
  return {
    get: (name) => Promise.resolve(kept.get(name) ?? null),
    put: (name, value) => Promise.resolve(void kept.set(name, structuredClone(value))),
    clear: () => Promise.resolve(kept.clear()),
  };
}

async function runSweep(room: SweepRoom): Promise<SweepEvent[]> {
  const joined = await room.join({ plan: PLAN, origin: ORIGIN });
  assert(joined.ok, JSON.stringify(joined));
  return await eventsOf(joined.value.run);
}

async function eventsOf({ done, log }: SweepRun): Promise<SweepEvent[]> {
  await done;
  const body = readLog(log, { after: -1, cached: false, ...READING });
  const messages = createServerSentDecoder().feed(await new Response(body).text());
  return messages.map(({ data }) => {
    const event = parseSweepEvent(JSON.parse(data));
    assert(event.ok);
    return event.value;
  });
}

Deno.test("SweepRoom stores what the generations do not have: the order of its log and its outcome", async () => {
  const { room, kept } = createRoom({});
  const events = await runSweep(room);
  const [stored] = kept.stored;
  const order = events.flatMap((event) => event.type === "sweep.event" ? [event.branch] : []);
  assert.deepEqual(stored?.event_order.map(([branch]) => branch), order);
  assert.deepEqual(stored?.branches.map(({ id }) => id), PLAN.branches.map(({ plan }) => plan.id));
  const end = events.at(-1);
  assert(end?.type === "sweep.completed");
  assert.deepEqual(stored?.outcome.evaluations, end.evaluations);
  assert.deepEqual(kept.ended, ["sweep.completed"]);
});

Deno.test("SweepRoom holds no pixels beside those in its log", async () => {
  const { room } = createRoom({});
  await runSweep(room);
  for (const { image, record } of room.run?.branches ?? []) {
    assert.equal(image, null);
    assert(record.events.some(({ event }) => event.type === "generation.image"));
    assert(record.events.every(({ event }) => !("data" in event) || event.data === ""));
  }
});

Deno.test("SweepRoom completes though the database fails, and says so in its log", async () => {
  const fail = () => Promise.reject(new Error("disk full"));
  const { room, kept } = createRoom({}, { sweeps: { write: fail } });
  assert.equal((await runSweep(room)).at(-1)?.type, "sweep.completed");
  assert.deepEqual(kept.logged.map(({ message }) => message), ["Storing a sweep failed"]);
});

Deno.test("SweepRoom submits a branch again that was refused for the moment", async () => {
  const [, second] = PLAN.branches.map(({ plan }) => plan.id);
  const { room, kept } = createRoom({ admits: (id, attempt) => id !== second || attempt > 1 });
  const end = (await runSweep(room)).at(-1);
  assert(end?.type === "sweep.completed");
  assert.deepEqual(end.branches.map(({ status }) => status), Array(3).fill("succeeded"));
  assert.equal(kept.attempts.filter((id) => id === second).length, 2);
});

Deno.test("SweepRoom stores no sweep that lacks an image, and runs it again when asked", async () => {
  const [, second] = PLAN.branches.map(({ plan }) => plan.id);
  let isAway = true;
  const whole = createRoom({});
  const { room, kept } = createRoom({}, {
    rooms: {
      fetch: (id, request) =>
        id === second && isAway
          ? Promise.resolve(
            Response.json(createProblem("model_mismatch", "Other"), { status: 502 }),
          )
          : whole.rooms.fetch(id, request),
    },
  });
  const end = (await runSweep(room)).at(-1);
  assert(end?.type === "sweep.completed");
  assert.deepEqual(end.branches.map(({ failure }) => failure?.code), [
    undefined,
    "model_mismatch",
    undefined,
  ]);
  assert.deepEqual(kept.stored, []);
  isAway = false;
  assert.equal((await runSweep(room)).at(-1)?.type, "sweep.completed");
  assert.equal(kept.stored.length, 1);
});

Deno.test("SweepRoom leaves a sheet out of its event that would be too large", async () => {
  const sheetOf = async (imageBytes: number) => {
    const events = await runSweep(createRoom({ imageBytes }).room);
    const sheet = events.at(-2);
    assert(sheet?.type === "sweep.sheet");
    return sheet.svg;
  };
  assert.match(await sheetOf(1_000) ?? "", /^<svg .*<\/svg>$/);
  assert.equal(await sheetOf(3_000_000), null);
});

Deno.test("SweepRoom ends its log though it breaks itself", async () => {
  let faults = 2;
  const { room, kept } = createRoom({}, {
    now() {
      // The first fault is the database's, while storing; the second is in the room itself.
      if (faults-- > 0) throw new TypeError("A fault of ours");
      return 0;
    },
  });
  const end = (await runSweep(room)).at(-1);
  assert(end?.type === "sweep.failed");
  assert.equal(end.error.code, "internal");
  assert.deepEqual(kept.logged.map(({ message }) => message), [
    "Storing a sweep failed",
    "A sweep broke",
  ]);
});

Deno.test("SweepRoom merges a sweep that was lost with its process in the order that it had", async () => {
  const kept = new Map<string, unknown>();
  const store = { ...storeIn(kept), clear: () => Promise.resolve() };
  const orderOf = (events: readonly SweepEvent[]) =>
    events.flatMap((event) => event.type === "sweep.event" ? [event.branch] : []);
  const first = await runSweep(createRoom({}, { store }).room);
  assert.deepEqual([...kept.keys()].sort(), ["progress", "submission"]);
  kept.set("progress", { order: [[2, 0], [1, 0], [2, 1]], begun: [1], canceled: false });
  const found = await createRoom({}, { store }).room.find(() => true);
  assert(found.ok && found.value);
  const again = await eventsOf(found.value);
  assert.deepEqual(orderOf(again).slice(0, 3), [2, 1, 2]);
  assert.deepEqual(orderOf(again).sort(), orderOf(first).sort());
});

Deno.test("SweepRoom's memory of a new run outlasts the end of the one before, not its progress", async () => {
  const followedUp = Promise.withResolvers<void>();
  const kept = new Map<string, unknown>();
  const [begins] = PLAN.branches.map(({ plan }) => plan.id);
  let hangs = false;
  const whole = createRoom({});
  const { room } = createRoom({}, {
    store: storeIn(kept),
    rooms: {
      fetch: (id, request) =>
        hangs && id !== begins ? new Promise(() => {}) : whole.rooms.fetch(id, request),
    },
    afterSweepEnd: () => followedUp.promise,
  });
  const submission = { plan: PLAN, origin: ORIGIN };
  const first = await room.join(submission);
  assert(first.ok);
  assert((await room.leave(first.value.run, ORIGIN)).ok);
  while (!first.value.run.log.ended) await first.value.run.log.changed;
  assert(saysCanceled(kept));
  hangs = true;
  const second = await room.join(submission);
  assert(second.ok && second.value.started);
  assert(!saysCanceled(kept), "the next process would cancel what nobody has canceled");
  followedUp.resolve();
  await first.value.run.done;
  assert(kept.has("submission"));
});

function saysCanceled(kept: ReadonlyMap<string, unknown>): boolean {
  return JSON.stringify(kept.get("progress")).includes('"canceled":true');
}

Deno.test("A sweep's room answers a join with the sweep, and not with who began it", async () => {
  const { room } = createRoom({});
  const body = JSON.stringify({ plan: PLAN, origin: ORIGIN });
  const request = new Request("http://room/join", { method: "POST", body });
  const response = await handleSweepRequest(room, request);
  const { id, status } = await response.json();
  assert.deepEqual([response.status, id, status], [200, PLAN.id, "succeeded"]);
  // The route passes headers on, but clients must not learn who else was there first.
  assert(!response.headers.has(BEGUN_HERE));
});
