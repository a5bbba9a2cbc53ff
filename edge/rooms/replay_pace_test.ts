import assert from "node:assert/strict";
import { EVENTS } from "../../contract/fixtures/events.ts";
import { REPLAY_MS_MAX, replayPauses } from "./replay_pace.ts";

const RUN = EVENTS.slice(0, 7);

function timed(times: readonly number[]) {
  return times.map((at_ms, id) => ({ id, event: RUN[id] ?? RUN[2]!, at_ms }));
}

Deno.test("A replay pauses as the run did, and never goes back in time", () => {
  assert.deepEqual(replayPauses(timed([40, 40, 70, 60, 160])), [0, 0, 30, 0, 100]);
});

Deno.test("A long run is shown faster, in its own proportions", () => {
  const pauses = replayPauses(timed([0, REPLAY_MS_MAX, 4 * REPLAY_MS_MAX]));
  assert.deepEqual(pauses, [0, REPLAY_MS_MAX / 4, 3 * REPLAY_MS_MAX / 4]);
});

Deno.test("A run whose times nobody noted is spread evenly over what it took", () => {
  const events = RUN.map((event, id) => ({ id, event }));
  const pauses = replayPauses(events);
  assert.equal(pauses[0], 0);
  for (const pause of pauses.slice(1)) assert(Math.abs(pause - 12.5 / 6) < 1e-9);
  assert.deepEqual(replayPauses([]), []);
});
