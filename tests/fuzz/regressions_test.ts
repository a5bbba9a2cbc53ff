// Broken here: a fault that fuzzing once found has come back.
import assert from "node:assert/strict";
import { createServerSentDecoder, LIMITS } from "../../contract/mod.ts";
import { readMessages } from "../../edge/rooms/message_stream.ts";
import { answerBody } from "./request_properties.ts";
import { bodyOf, bytesOf } from "./stream_properties.ts";

const HALF_BODY = LIMITS.requestBodyBytes / 2 - 200;

const DEEP = "[".repeat(HALF_BODY) + "]".repeat(HALF_BODY);
const BODIES: readonly (readonly [name: string, body: string])[] = [
  ["a prompt of arrays in arrays", `{"prompt":${DEEP}}`],
  ["arrays in arrays", DEEP],
  ["objects in objects", `${'{"prompt":'.repeat(5_000)}1${"}".repeat(5_000)}`],
  ["an unknown field of arrays in arrays", `{"prompt":"x","y":${DEEP}}`],
  ["thousands of insights", `{"prompt":"x","insights":[${"1,".repeat(HALF_BODY)}1]}`],
  ["thousands of unknown fields", `{${Array.from({ length: 5_000 }, (_, i) => `"f${i}":1`)}}`],
  ["a long name of an unknown field", `{"${"n".repeat(60_000)}":1}`],
  ["a cutoff of arrays in arrays", `{"prompt":"x","cutoff":${DEEP}}`],
  ["a name that objects have", '{"prompt":"x","__proto__":{"a":1},"constructor":1}'],
  ["the same name twice", '{"prompt":"x","prompt":7}'],
];

for (const [name, body] of BODIES) {
  Deno.test(`a generation is refused in a bounded answer: ${name}`, () =>
    answerBody(bytesOf(body), "generation"));
  Deno.test(`a sweep is refused in a bounded answer: ${name}`, () =>
    answerBody(bytesOf(`{"base":${body},"cutoffs":[1,2]}`), "sweep"));
}

Deno.test("a sweep is refused in a bounded answer: a long name of an unknown field of its own", () =>
  answerBody(bytesOf(`{"base":{"prompt":"x"},"${"n".repeat(60_000)}":1}`), "sweep"));

Deno.test("sixteen branches that are wrong in all fields are refused in a bounded answer", async () => {
  const auto = { tolerance: "x", min_steps: "x", max_steps: "x" };
  const wrong = { guided_steps: "x", guided_from: "x", a: "x", head: "x", tail: "x", auto };
  const cutoffs = Array.from({ length: 16 }, () => ({ ...wrong, guided_fraction: "x" }));
  await answerBody(bytesOf(JSON.stringify({ base: { prompt: "x" }, cutoffs })), "sweep");
});

Deno.test("sixteen branches that are all wrong are refused in a bounded answer", async () => {
  const wrong = `{"${"n".repeat(3_000)}":1}`;
  const body = `{"base":{"prompt":"x"},"cutoffs":[${Array.from({ length: 16 }, () => wrong)}]}`;
  await answerBody(bytesOf(body), "sweep");
});

/** Streams that begin something and never end it, each in a form of its own. */
const ENDLESS: readonly (readonly [name: string, chunk: string])[] = [
  ["a line", "data: x".padEnd(1 << 20, "x")],
  ["data lines", `data: ${"x".repeat(1 << 20)}\n`],
  ["an id", "id: 1".padEnd(1 << 20, "1")],
];

for (const [name, chunk] of ENDLESS) {
  Deno.test(`a stream that goes on for ever is given up: ${name}`, () => {
    const decoder = createServerSentDecoder();
    assert.throws(() => {
      for (let i = 0; i < 40; i++) assert.deepEqual(decoder.feed(chunk), []);
    }, RangeError);
  });
}

for (const chunk of [":", "x"]) {
  Deno.test(`a line that means nothing is let go by while it goes on: ${chunk}`, () => {
    const decoder = createServerSentDecoder();
    const long = chunk.padEnd(1 << 20, "x");
    for (let i = 0; i < 40; i++) assert.deepEqual(decoder.feed(long), []);
    const [message] = decoder.feed("\ndata: 1\n\n");
    assert.equal(message?.data, "1");
  });
}

Deno.test("a byte order mark is one in front of a stream, and a character anywhere else", async () => {
  const chunks = ["data: a", "\ufeffb\n", "\n", "\ufeffdata: c\n\n", "data: d\n\n"];
  for (const front of [[], ["\ufeff"]]) {
    const body = bodyOf([...front, ...chunks].map(bytesOf));
    const messages = await Array.fromAsync(readMessages(body, 60_000));
    assert.deepEqual(messages.map(({ data }) => data), ["a\ufeffb", "d"]);
  }
});
