import assert from "node:assert/strict";
import { EVENTS } from "../../contract/fixtures/events.ts";
import {
  createServerSentDecoder,
  type GenerationEventOf,
  type GenerationEventType,
  HEARTBEAT,
  PROGRESS,
  type Progress,
} from "../../contract/mod.ts";
import { EventLog } from "./event_log.ts";
import { replayEvents } from "./event_replay.ts";
import { readLog } from "./event_stream.ts";
import { LAG_LENGTH_MAX } from "./message_log.ts";

/** The fixture's events as one run: everything up to `completed`. */
const RUN = EVENTS.slice(0, 7);

function logOf(count: number): EventLog {
  const log = new EventLog();
  for (const [id, event] of RUN.slice(0, count).entries()) log.append({ id, event });
  return log;
}

const options = { after: -1, cached: false, heartbeatMs: 10_000, stalledMs: 10_000 };

async function idsOf(stream: ReadableStream<Uint8Array>): Promise<(number | null)[]> {
  return createServerSentDecoder().feed(await new Response(stream).text()).map(({ id }) => id);
}

Deno.test("A stream brings exactly what follows the cursor", async () => {
  for (const after of RUN.keys()) {
    const rest = [...RUN.keys()].slice(after + 1);
    assert.deepEqual(await idsOf(readLog(logOf(7), { ...options, after })), rest);
    assert.deepEqual(await idsOf(replayEvents(logOf(7), { after, cached: false })), rest);
  }
});

Deno.test("readLog follows a log that grows, gaps and all", async () => {
  const log = new EventLog();
  const ids = [0, 3, 4, 9, 10, 20, 21];
  const reading = idsOf(readLog(log, options));
  for (const [index, id] of ids.entries()) {
    const event = RUN[index];
    if (event) log.append({ id, event });
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

Deno.test("readLog says what the run does once, after its events and only while it is the newest", async () => {
  const progress = (rows_done: number): Progress => ({
    type: PROGRESS,
    activity: "denoising",
    rows_done,
    rows_planned: 30,
    row_ms: null,
    elapsed_ms: 1,
    remaining_ms: null,
    still_ms: 1,
  });
  const log = logOf(0);
  log.report(progress(0));
  const reader = readLog(log, options).getReader();
  const read = async () => new TextDecoder().decode((await reader.read()).value);
  const append = (id: number) => RUN[id] && log.append({ id, event: RUN[id] });
  append(0);
  assert.match(await read(), /^id: 0\n/, "the first event comes first");
  append(1);
  log.report(progress(1));
  log.report(progress(2));
  assert.match(await read(), /^id: 1\n/);
  assert.match(await read(), /^event: generation.progress\ndata: .*"rows_done":2,/);
  const next = read();
  log.report(progress(3));
  assert.match(await next, /"rows_done":3,/);
  log.report(progress(4));
  append(2);
  assert.match(await read(), /^id: 2\n/);
  const last = read();
  await new Promise((resolve) => setTimeout(resolve, 0));
  append(3);
  assert.match(await last, /^id: 3\n/, "what it did before its newest event is no news");
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
  for (const [id, event] of RUN.entries()) log.append({ id, event });
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
  assert.throws(() => logOf(7).append({ id: 9, event: queued }), RangeError);
  assert.throws(() => logOf(2).append({ id: 1, event: queued }), RangeError);
});

Deno.test("EventLog drops the oldest previews when they outgrow it, and only those", () => {
  const log = logOf(2);
  const data = "A".repeat(9 * 1024 * 1024);
  const preview = RUN[3];
  assert(preview?.type === "generation.preview");
  for (const id of [2, 3, 4]) log.append({ id, event: { ...preview, data } });
  assert.deepEqual(log.events.map(({ id }) => id), [0, 1, 3, 4]);
  assert.equal(log.next(1)?.id, 3);
});

function eventOf<T extends GenerationEventType>(type: T): GenerationEventOf<T> {
  const event = RUN.find((event): event is GenerationEventOf<T> => event.type === type);
  assert(event);
  return event;
}

/** Appends a preview and a step, alternately: previews have even ids. */
function appendPreviews(log: EventLog, { from, count }: { from: number; count: number }): void {
  const data = "A".repeat(LAG_LENGTH_MAX / 2);
  for (let id = from; id < from + 2 * count; id += 2) {
    log.append({ id, event: { ...eventOf("generation.preview"), step: id, data } });
    log.append({ id: id + 1, event: eventOf("generation.step") });
  }
}

async function idsFrom(reader: ReadableStreamDefaultReader<Uint8Array>, until: number) {
  const decoder = createServerSentDecoder();
  const text = new TextDecoder();
  const ids: number[] = [];
  while (ids.at(-1) !== until) {
    const { value, done } = await reader.read();
    if (done) break;
    ids.push(...decoder.feed(text.decode(value, { stream: true })).map(({ id }) => id ?? -1));
  }
  return ids;
}

Deno.test("readLog gives a reader that is far behind the newest preview, and every step", async () => {
  const log = logOf(2);
  const reader = readLog(log, options).getReader();
  assert.deepEqual(await idsFrom(reader, 1), [0, 1]);
  appendPreviews(log, { from: 2, count: 10 });
  const ids = await idsFrom(reader, 21);
  const steps = ids.filter((id) => id % 2 === 1);
  assert.deepEqual(steps, Array.from({ length: 10 }, (_, i) => 3 + 2 * i));
  assert.deepEqual(ids.filter((id) => id % 2 === 0), [18, 20], "what is near the end is not stale");
  appendPreviews(log, { from: 22, count: 2 });
  assert.deepEqual(await idsFrom(reader, 25), [22, 23, 24, 25], "it has caught up");
  await reader.cancel();
});

Deno.test("readLog passes over nothing that was there when its reader came", async () => {
  const log = logOf(2);
  appendPreviews(log, { from: 2, count: 10 });
  const reader = readLog(log, options).getReader();
  const ids = await idsFrom(reader, 21);
  assert.deepEqual(ids, Array.from({ length: 22 }, (_, id) => id));
  await reader.cancel();
});

Deno.test("readLog gives all readers pieces of the same bytes, none of them large", async () => {
  const log = new EventLog();
  appendPreviews(log, { from: 0, count: 1 });
  const readers = Array.from({ length: 1_000 }, () => readLog(log, options).getReader());
  const pieces = await Promise.all(readers.map((reader) => reader.read()));
  const buffers = new Set(pieces.map(({ value }) => value?.buffer));
  assert.equal(buffers.size, 1);
  for (const { value } of pieces) assert.equal(value?.length, 64 * 1024);
  await Promise.all(readers.map((reader) => reader.cancel()));
});

Deno.test("readLog sends a reader away that takes nothing, and not one that takes", async () => {
  const patient = { ...options, after: 0, heartbeatMs: 1, stalledMs: 20 };
  const reader = readLog(logOf(1), patient).getReader();
  for (let i = 0; i < 60; i++) await reader.read();
  await assert.rejects(reader.closed, /took nothing for 20 ms/);
});

Deno.test("EventLog takes so much and no more, but always its end", () => {
  const log = logOf(2);
  const image = eventOf("generation.image");
  const data = "A".repeat(30 * 1024 * 1024);
  log.append({ id: 2, event: { ...image, data } });
  assert.throws(() => log.append({ id: 3, event: { ...image, data } }), /at most 20000 events/);
  log.append({ id: 3, event: { type: "generation.canceled", evaluations: 1 } });
  assert.equal(log.ended, true);
});
