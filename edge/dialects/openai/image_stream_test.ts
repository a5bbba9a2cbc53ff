// If this breaks, OpenAI's clients break off at a bad comment or at bad JSON, or wait for an end.
import assert from "node:assert/strict";
import { EVENTS } from "../../../contract/fixtures/events.ts";
import {
  createProblem,
  createRawServerSentDecoder,
  type GenerationEvent,
  type GenerationEventOf,
  type GenerationEventType,
  HEARTBEAT,
  ProblemError,
} from "../../../contract/mod.ts";
import type { LogRecord } from "../../observability/log.ts";
import { followImage } from "./image_run.ts";
import { streamImage } from "./image_stream.ts";

function eventOf<T extends GenerationEventType>(type: T): GenerationEventOf<T> {
  const event = EVENTS.find((event) => event.type === type);
  assert(event);
  return event as GenerationEventOf<T>;
}

const { plan } = eventOf("generation.planned");
const DRAWN = [eventOf("generation.image"), eventOf("generation.completed")];

async function* numbered(events: Iterable<GenerationEvent>, cause?: unknown) {
  let id = 0;
  for (const event of events) yield { id: id++, event };
  if (cause) throw cause;
  await Promise.resolve();
}

const logged: LogRecord[] = [];
const options = {
  plan,
  partialImages: 3,
  created: 1_700_000_000,
  log: (record: LogRecord) => logged.push(record),
  leave: () => {},
};

async function read(events: readonly GenerationEvent[], cause?: unknown) {
  const body = streamImage(followImage(numbered(events, cause), plan, true), options);
  const messages = createRawServerSentDecoder().feed(await new Response(body).text());
  return messages.map(({ id, event, data }) => {
    assert.equal(id, undefined);
    const sent = JSON.parse(data);
    assert.equal(sent.type, event);
    return sent;
  });
}

Deno.test("an image's stream ends with what came of the generation, once", async () => {
  const [completed, ...more] = await read([...DRAWN, ...DRAWN]);
  assert.deepEqual([completed.type, more.length], ["image_generation.completed", 0]);
  assert.equal("error" in completed, false);
  const ends: readonly (readonly [GenerationEvent[], unknown, string])[] = [
    [[eventOf("generation.failed")], null, eventOf("generation.failed").error.code],
    [[eventOf("generation.canceled")], null, "conflict"],
    [[], null, "upstream_failed"],
    [[], new ProblemError(createProblem("upstream_failed", "It broke off")), "upstream_failed"],
  ];
  for (const [events, cause, code] of ends) {
    const [sent, ...more] = await read(events, cause);
    assert.deepEqual([sent.type, sent.error.code, more.length], ["error", code, 0]);
  }
  assert.equal(logged.length, 0);
});

Deno.test("a fault of the edge's own ends the stream, is logged, and says nothing of itself", async () => {
  const [sent] = await read([], new TypeError("the secret"));
  assert.equal(sent.error.code, "internal");
  assert(!JSON.stringify(sent).includes("the secret"));
  assert(logged.pop()?.cause instanceof TypeError);
});

Deno.test("an image's stream has comments while nothing is to be told, and its reader can leave", async () => {
  let left = 0;
  const events = followImage(waiting(), plan, true);
  const body = streamImage(events, { ...options, heartbeatMs: 1, leave: () => left++ });
  const reader = body.getReader();
  for (let i = 0; i < 3; i++) {
    assert.equal(new TextDecoder().decode((await reader.read()).value), HEARTBEAT);
  }
  await reader.cancel();
  assert.equal(left, 1);
});

/** Yields a step, which OpenAI has no event for, and then nothing. */
async function* waiting() {
  yield { id: 0, event: eventOf("generation.step") };
  await new Promise(() => {});
}

Deno.test("a run of the request's own is not called cached, whoever told of its end", async () => {
  const stored = DRAWN.map((event) => "cached" in event ? { ...event, cached: true } : event);
  const endOf = async (begunHere: boolean) => {
    const [end] = await Array.fromAsync(followImage(numbered(stored), plan, begunHere));
    assert(end && "drawn" in end);
    return end.drawn.completed.cached;
  };
  assert.deepEqual([await endOf(true), await endOf(false)], [false, true]);
});
