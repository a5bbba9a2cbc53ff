// If this breaks, a stored stream has other bytes than the live one, or is held in memory whole.
import assert from "node:assert/strict";
import { EVENTS } from "../../contract/fixtures/events.ts";
import { createServerSentDecoder, HEARTBEAT, type NumberedEvent } from "../../contract/mod.ts";
import { encodeEvent, EventLog } from "./event_log.ts";
import { replayEvents, storedLog } from "./event_replay.ts";

/** The fixture's events as one run: everything up to `completed`. */
const RUN = EVENTS.slice(0, 7);

Deno.test("replayEvents takes its time where it is paced, with heartbeats, and ends", async () => {
  const log = new EventLog();
  for (const [id, event] of RUN.entries()) {
    log.append({ id, event, at_ms: id === 3 ? 10_001 : id > 3 ? 10_002 : 0 });
  }
  const waits: number[] = [];
  const original = globalThis.setTimeout;
  globalThis.setTimeout = ((act: () => void, ms = 0) => {
    waits.push(ms);
    return original(act, 0);
  }) as typeof setTimeout;
  try {
    const text = await new Response(replayEvents(log, { after: 0, cached: true, paced: true }))
      .text();
    assert.deepEqual(waits, [10_000, 1, 1]);
    assert.equal(text.split(HEARTBEAT).length, 2);
    const ids = createServerSentDecoder().feed(text).map(({ id }) => id);
    assert.deepEqual(ids, [1, 2, 3, 4, 5, 6]);
    assert(text.includes('"cached":true'));
  } finally {
    globalThis.setTimeout = original;
  }
});

/** A log as the store gives it: pictures apart, each cut into slices of its own length. */
function stored(length: number, slice: number) {
  const bytes = Uint8Array.from({ length }, (_, i) => (i * 31 + 7) % 256);
  const live = RUN.map((event, id): NumberedEvent => ({
    id,
    event: "data" in event ? { ...event, data: bytes.toBase64() } : event,
  }));
  const read: number[] = [];
  const log = storedLog({
    events: live.map(({ id, event }) => ({
      id,
      event: "data" in event ? { ...event, data: "" } : event,
    })),
    async *picture({ id }) {
      for (let from = 0; from < length; from += slice) {
        read.push(id);
        yield await Promise.resolve(bytes.subarray(from, from + slice));
      }
    },
  });
  return { live, log, read };
}

const CASES = [[1, 1], [2, 3], [3, 2], [7, 5], [64, 64], [1_000, 7], [200_000, 65_536]] as const;
for (const [length, slice] of CASES) {
  Deno.test(`A picture of ${length} bytes in slices of ${slice} is sent as it was live`, async () => {
    const { live, log } = stored(length, slice);
    const expected = live.map(({ id, event }) => new TextDecoder().decode(encodeEvent(id, event)));
    const sent = await new Response(replayEvents(log, { after: -1, cached: false })).text();
    assert.equal(sent, expected.join(""));
    const rest = await new Response(replayEvents(log, { after: 3, cached: false })).text();
    assert.equal(rest, expected.slice(4).join(""));
  });
}

Deno.test("A reader that takes nothing has nothing read for it; pieces are small", async () => {
  const { log, read } = stored(3_000_000, 200_000);
  const reader = replayEvents(log, { after: -1, cached: false }).getReader();
  assert.deepEqual(read, []);
  const pictures = RUN.filter((event) => "data" in event).length;
  let largest = 0;
  let total = 0;
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    largest = Math.max(largest, piece.value.length);
    total += piece.value.length;
    // Base64 of what was read is at most one slice ahead of what was taken.
    assert(read.length * 200_000 <= total * 3 / 4 + 200_000, `${read.length} slices at ${total}`);
  }
  assert.equal(read.length, 15 * pictures);
  assert(largest <= 64 * 1024);
});

Deno.test("A picture that is gone breaks the stream, before its event is whole", async () => {
  const { log } = stored(10, 10);
  const gone = storedLog({
    events: log.events,
    // deno-lint-ignore require-yield
    async *picture() {
      await Promise.resolve();
      throw new Error("gone");
    },
  });
  const reader = replayEvents(gone, { after: -1, cached: false }).getReader();
  const decoder = createServerSentDecoder();
  const ids: (number | null)[] = [];
  await assert.rejects(async () => {
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      ids.push(...decoder.feed(new TextDecoder().decode(piece.value)).map(({ id }) => id));
    }
  }, /gone/);
  const picture = RUN.findIndex((event) => "data" in event);
  assert.deepEqual(ids, [...Array(picture).keys()]);
});
