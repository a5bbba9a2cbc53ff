/// <reference lib="deno.ns" />
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  createServerSentDecoder,
  encodeServerSentMessage,
  HEARTBEAT,
  LIMITS,
  parseEventId,
} from "../mod.ts";

Deno.test("encodeServerSentMessage() writes id, event and one line of JSON", () => {
  assert.equal(
    encodeServerSentMessage(3, "generation.step", { text: "a\nb" }),
    'id: 3\nevent: generation.step\ndata: {"text":"a\\nb"}\n\n',
  );
});

Deno.test("The decoder gives back what was encoded, however the text is cut", () => {
  const message = fc.record({
    id: fc.nat(),
    event: fc.constantFrom("a", "b.c"),
    data: fc.jsonValue(),
  });
  fc.assert(fc.property(fc.array(message), fc.array(fc.nat(40)), (messages, cuts) => {
    const stream = messages
      .map(({ id, event, data }) => HEARTBEAT + encodeServerSentMessage(id, event, data))
      .join("");
    const decoder = createServerSentDecoder();
    const decoded = [];
    let at = 0;
    for (const length of [...cuts, stream.length]) {
      decoded.push(...decoder.feed(stream.slice(at, at + length)));
      at += length;
    }
    assert.deepEqual(
      decoded.map(({ id, event, data }) => ({ id, event, data: JSON.parse(data) })),
      messages.map(({ id, event, data }) => ({
        id,
        event,
        data: JSON.parse(JSON.stringify(data)),
      })),
    );
  }));
});

Deno.test("The decoder ignores comments and reports a missing id as null", () => {
  const decoder = createServerSentDecoder();
  assert.deepEqual(decoder.feed(`${HEARTBEAT}data: 1\n\n`), [
    { id: null, event: "message", data: "1" },
  ]);
});

Deno.test("The decoder refuses a message without end instead of keeping it in memory", () => {
  const decoder = createServerSentDecoder();
  const chunk = `data: ${"x".repeat(LIMITS.eventLength / 4)}`;
  assert.throws(() => {
    for (let i = 0; i < 6; i++) decoder.feed(chunk);
  }, RangeError);
});

Deno.test("parseEventId() takes sequence numbers only", () => {
  assert.equal(parseEventId("12"), 12);
  for (const id of [null, undefined, "", "-1", "1.5", "x", "9".repeat(16)]) {
    assert.equal(parseEventId(id), null);
  }
});
