// A room of a deployed version must find what an earlier version has kept: names are stored state.
import assert from "node:assert/strict";
import { SUBMISSION } from "../../rooms/room_store.ts";
import { durableStore, SWEEP_NAMES } from "./durable_rooms.ts";

function stage() {
  const kept = new Map<string, unknown>();
  const state = { alarm: null as number | null };
  const watch = {
    storage: {
      get: (key: string) => Promise.resolve(kept.get(key)),
      put: (key: string, value: unknown) => Promise.resolve(void kept.set(key, value)),
      deleteAll: () => Promise.resolve(kept.clear()),
      setAlarm: (at: number) => Promise.resolve(void (state.alarm = at)),
      deleteAlarm: () => Promise.resolve(void (state.alarm = null)),
    },
    now: () => 0,
    log: () => {},
  };
  return { kept, state, watch };
}

Deno.test("A generation's submission and end, a sweep and its progress keep their keys", async () => {
  const { kept, watch } = stage();
  const [generations, sweeps] = [durableStore(watch), durableStore(watch, SWEEP_NAMES)];
  for (const name of [SUBMISSION, "end"]) await generations.put(name, name);
  assert.deepEqual([...kept.keys()], ["submission", "end"]);
  kept.clear();
  for (const name of [SUBMISSION, "progress"]) await sweeps.put(name, name);
  assert.deepEqual([...kept.keys()], ["sweep", "progress"]);
  assert.equal(await sweeps.get(SUBMISSION), SUBMISSION);
});

Deno.test("An object's alarm is set until its store is cleared", async () => {
  const { kept, state, watch } = stage();
  const store = durableStore(watch);
  assert.equal(await store.get(SUBMISSION), null);
  await store.put(SUBMISSION, {});
  await store.watch?.();
  assert(state.alarm !== null);
  await store.clear();
  assert.deepEqual([state.alarm, kept.size], [null, 0]);
});
