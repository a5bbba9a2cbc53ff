import assert from "node:assert/strict";
import { EVENTS } from "../../contract/fixtures/events.ts";
import type { GenerationEvent } from "../../contract/mod.ts";
import { EventLog, type EventReader, type LoggedEvent } from "./event_log.ts";

const STORY = EVENTS.slice(0, 7);

function fullLog(seats = { max: 100, taken: 0 }): EventLog {
  const log = new EventLog(seats);
  for (const event of STORY) log.append(event);
  return log;
}

async function drain(reader: EventReader | null): Promise<LoggedEvent[]> {
  assert(reader);
  const events: LoggedEvent[] = [];
  for (let next; (next = await reader.next());) events.push(next);
  return events;
}

const numbered = (events: readonly GenerationEvent[]) =>
  events.map((event, index) => ({ index, event }));

// A client that reconnects would see an event twice, or never.
Deno.test("EventLog.read() after any cursor gives exactly the rest, of a finished log", async () => {
  assert.deepEqual(await drain(fullLog().read(null)), numbered(STORY));
  for (let after = 0; after < STORY.length + 2; after++) {
    assert.deepEqual(await drain(fullLog().read(after)), numbered(STORY).slice(after + 1));
  }
});

Deno.test("EventLog.read() after any cursor gives exactly the rest, of a log being written", async () => {
  for (let after = 0; after < STORY.length; after++) {
    for (let written = 0; written < STORY.length; written++) {
      const log = new EventLog({ max: 1, taken: 0 });
      for (const event of STORY.slice(0, written)) log.append(event);
      const read = drain(log.read(after));
      for (const event of STORY.slice(written)) {
        await Promise.resolve();
        log.append(event);
      }
      assert.deepEqual(await read, numbered(STORY).slice(after + 1), `${after} of ${written}`);
    }
  }
});

Deno.test("EventLog.append() refuses whatever follows the terminal event", () => {
  const log = fullLog();
  assert(log.ended);
  for (const event of EVENTS) assert.throws(() => log.append(event), RangeError);
  assert.equal(log.events.length, STORY.length);
});

Deno.test("EventLog.read() gives out so many seats and takes each back once", async () => {
  const seats = { max: 2, taken: 0 };
  const [a, b] = [fullLog(seats), new EventLog(seats)];
  const first = a.read(null);
  const second = b.read(null);
  assert(first && second);
  assert.equal(a.read(null), null);
  second.close();
  second.close();
  assert.equal(seats.taken, 1);
  await drain(first);
  first.close();
  assert.equal(seats.taken, 0);
});

Deno.test("EventReader.close() ends a wait", async () => {
  const reader = new EventLog({ max: 1, taken: 0 }).read(null);
  assert(reader);
  const next = reader.next();
  reader.close();
  assert.equal(await next, null);
});

Deno.test("EventLog.jsonLength is the length of its events as JSON", () => {
  const expected = STORY.reduce((sum, event) => sum + JSON.stringify(event).length, 0);
  assert.equal(fullLog().jsonLength, expected);
});
