// If this breaks, a client that asks for events in another spelling waits for a whole image in
// silence, or one that asked for JSON gets a stream.
import assert from "node:assert/strict";
import { acceptsStream, isUtf8, parseMediaType } from "./media_type.ts";

Deno.test("Accept asks for a stream by its grammar, not by its letters", () => {
  const cases: readonly (readonly [string | null, boolean])[] = [
    ["text/event-stream", true],
    ["Text/Event-Stream", true],
    ["  text/event-stream\t;q=1.000 ", true],
    ["text/event-stream;charset=utf-8", true],
    ['text/event-stream; Charset="UTF-8"; Q=0.1', true],
    ["text/*", true],
    ["application/json, text/event-stream", true],
    ["text/event-stream, */*", true],
    ["application/json;q=0.9, text/event-stream", true],
    ["text/html,, ,text/event-stream,", true],
    // Parts that do not parse are passed over, and the rest counts.
    ["what, text/event-stream", true],
    ["application/json;q=2, text/event-stream;q=0.1", true],
    ['text/plain;x="a,b", text/event-stream', true],

    [null, false],
    ["", false],
    ["*/*", false],
    ["application/json", false],
    ["text/event-streaming", false],
    ["text/event-stream2", false],
    ["xtext/event-stream", false],
    ["text/event-stream;q=0", false],
    ["text/event-stream;q=0.000, text/*", false],
    ["text/event-stream;q=0, application/json", false],
    ["text/event-stream;q=0.5, application/json;q=0.8", false],
    ["text/event-stream;q=0.5, */*", false],
    ["text/event-stream;q=0.5, application/*;q=0.6", false],
    ["text/event-stream;q=high", false],
    ["text/event-stream;q=1.5", false],
    ["text/event-stream;q=-1", false],
    ["text/event-stream;q=0.1234", false],
    ["text/event-stream;version=2", false],
    ["text/event-stream;charset=latin1", false],
    ["text/plain;accept=text/event-stream", false],
    ['text/plain;x="text/event-stream"', false],
    ["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", false],
    ["application/json, text/plain, */*", false],
  ];
  for (const [given, expected] of cases) assert.equal(acceptsStream(given), expected, `${given}`);
});

Deno.test("A media type is read without case, with its parameters", () => {
  assert.deepEqual({ ...parseMediaType('Application/JSON ; Charset="utf-8"')?.parameters }, {
    charset: "utf-8",
  });
  assert.equal(parseMediaType(" APPLICATION/json")?.type, "application/json");
  for (
    const text of ["", "json", "/json", "application/", "a b/c", "application/json, text/plain"]
  ) {
    assert.equal(parseMediaType(text), null, text);
  }
});

Deno.test("UTF-8 has several spellings", () => {
  for (const name of ["utf-8", "UTF-8", "utf8", "Utf8"]) assert(isUtf8(name), name);
  for (const name of ["utf-16", "latin1", "", "utf-8x", "utf--8"]) assert(!isUtf8(name), name);
});
