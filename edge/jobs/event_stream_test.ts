import assert from "node:assert/strict";
import { EVENTS } from "../../contract/fixtures/events.ts";
import { createServerSentDecoder, HEARTBEAT } from "../../contract/mod.ts";
import { EventLog } from "./event_log.ts";
import { readLog, replayEvents } from "./event_stream.ts";

/** The fixture's events as one run: everything up to `completed`. */
const RUN = EVENTS.slice(0, 7);

function logOf(count: number): EventLog {
  const log = new EventLog();
  for (const [id, event] of RUN.slice(0, count).entries()) log.append(id, event);
  return log;
}

const options = { after: -1, cached: false, heartbeatMs: 10_000 };

async function idsOf(stream: ReadableStream<Uint8Array>): Promise<(number | null)[]> {
  return createServerSentDecoder().feed(await new Response(stream).text()).map(({ id }) => id);
}

Deno.test("readLog brings exactly what follows the cursor", async () => {
  for (const after of RUN.keys()) {
    const rest = [...RUN.keys()].slice(after + 1);
    assert.deepEqual(await idsOf(readLog(logOf(7), { ...options, after })), rest);
    const events = RUN.map((event, id) => ({ id, event }));
    assert.deepEqual(await idsOf(replayEvents(events, { after, cached: false })), rest);
  }
});

Deno.test("readLog follows a log that grows, gaps and all", async () => {
  const log = new EventLog();
  const ids = [0, 3, 4, 9, 10, 20, 21];
  const reading = idsOf(readLog(log, options));
  for (const [index, id] of ids.entries()) {
    const event = RUN[index];
    if (event) log.append(id, event);
    await Promise.resolve();
  }
  assert.deepEqual(await reading, ids);
  assert.deepEqual(await idsOf(readLog(log, { ...options, after: 5 })), [9, 10, 20, 21]);
});

Deno.test("readLog sends heartbeats while nothing happens", async () => {
  const log = logOf(2);
  const reader = readLog(log, { ...options, after: 1, heartbeatMs: 1 }).getReader();
  for (let i = 0; i < 3; i++) {
    const { value } = await reader.read();
    assert.equal(new TextDecoder().decode(value), HEARTBEAT);
  }
  await reader.cancel();
});

Deno.test("readLog takes one event for each read, so that a slow reader holds nothing", async () => {
  let taken = 0;
  class CountingLog extends EventLog {
    override next(cursor: number) {
      taken++;
      return super.next(cursor);
    }
  }
  const log = new CountingLog();
  const reader = readLog(log, options).getReader();
  for (const [id, event] of RUN.entries()) log.append(id, event);
  await Promise.resolve();
  assert.equal(taken, 0);
  for (const expected of [1, 2, 3]) {
    await reader.read();
    assert.equal(taken, expected);
  }
  await reader.cancel();
});

Deno.test("readLog marks the end of a cached answer, and nothing else", async () => {
  const plain = await new Response(readLog(logOf(7), options)).text();
  const cached = await new Response(readLog(logOf(7), { ...options, cached: true })).text();
  assert.notEqual(cached, plain);
  assert.equal(cached.replace('"cached":true', '"cached":false'), plain);
});

Deno.test("EventLog refuses events after the end and ids that do not grow", () => {
  const queued = { type: "generation.queued", id: "x" } as const;
  assert.throws(() => logOf(7).append(9, queued), RangeError);
  assert.throws(() => logOf(2).append(1, queued), RangeError);
});

Deno.test("EventLog drops the oldest previews when they outgrow it, and only those", () => {
  const log = logOf(2);
  const data = "A".repeat(9 * 1024 * 1024);
  const preview = RUN[3];
  assert(preview?.type === "generation.preview");
  for (const id of [2, 3, 4]) log.append(id, { ...preview, data });
  assert.deepEqual(log.events.map(({ id }) => id), [0, 1, 3, 4]);
  assert.equal(log.next(1)?.id, 3);
});
