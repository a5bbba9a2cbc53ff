import assert from "node:assert/strict";
import { accept, createProblem, type Parsed, refuse } from "../../contract/mod.ts";
import { beginWatch, endWatch, onAlarm, type RoomStorage, WATCH_MS } from "./room_watch.ts";

function stage() {
  const kept = new Map<string, unknown>();
  const state = { now: 1_000, alarm: null as number | null, finds: 0, logged: [] as string[] };
  const storage: RoomStorage = {
    get: (key) => Promise.resolve(kept.get(key)),
    put: (key, value) => Promise.resolve(void kept.set(key, value)),
    deleteAll: () => Promise.resolve(kept.clear()),
    setAlarm: (at) => Promise.resolve(void (state.alarm = at)),
    deleteAlarm: () => Promise.resolve(void (state.alarm = null)),
  };
  const ports = {
    storage,
    now: () => state.now,
    log: ({ message }: { readonly message: string }) => void state.logged.push(message),
  };
  const roomOf = (busy: boolean, found: Parsed<object | null>) => ({
    busy,
    find: () => Promise.resolve(found).finally(() => state.finds++),
  });
  return { kept, state, ports, roomOf };
}

const AWAY = refuse<null>(createProblem("gpu_unavailable", "away"));

Deno.test("A run that goes on is looked at again, and left alone", async () => {
  const { state, ports, roomOf } = stage();
  await beginWatch(ports);
  assert.equal(state.alarm, 1_000 + WATCH_MS);
  state.now = 50_000;
  await onAlarm(roomOf(true, AWAY), ports);
  assert.deepEqual([state.alarm, state.finds], [50_000 + WATCH_MS, 0]);
});

Deno.test("A run that was cut off is taken up, and looked at again", async () => {
  const { kept, state, ports, roomOf } = stage();
  kept.set("submission", {});
  await onAlarm(roomOf(false, accept({})), ports);
  assert.equal(state.finds, 1);
  assert(state.alarm !== null && kept.has("submission"));
  await endWatch(ports);
  assert.deepEqual([state.alarm, kept.size], [null, 0]);
});

Deno.test("A room with nothing to take up leaves nothing behind", async () => {
  const { kept, state, ports, roomOf } = stage();
  kept.set("progress", {});
  await beginWatch(ports);
  await onAlarm(roomOf(false, accept(null)), ports);
  assert.deepEqual([state.alarm, kept.size], [null, 0]);
});

Deno.test("Attempts become rarer, and end", async () => {
  const { kept, state, ports, roomOf } = stage();
  kept.set("submission", {});
  const pauses: number[] = [];
  while (state.logged.length === 0) {
    await onAlarm(roomOf(false, AWAY), ports);
    pauses.push((state.alarm ?? state.now) - state.now);
  }
  assert.deepEqual(pauses.slice(0, 3), [2 * WATCH_MS, 4 * WATCH_MS, 8 * WATCH_MS]);
  assert.equal(Math.max(...pauses), 10 * 60_000);
  assert.deepEqual([state.finds, state.alarm, kept.size], [80, null, 0]);
});
