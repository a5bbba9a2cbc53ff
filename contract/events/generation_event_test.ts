/// <reference lib="deno.ns" />
import assert from "node:assert/strict";
import {
  createProblem,
  createServerSentDecoder,
  decodeOutput,
  encodeOutput,
  ERROR_TABLE,
  type GenerationEvent,
  isTerminal,
  parseGenerationEvent,
} from "../mod.ts";
import { EVENTS } from "../fixtures/events.ts";
import { INSIGHT_EVENTS } from "../fixtures/insight_events.ts";

for (const event of [...EVENTS, ...INSIGHT_EVENTS]) {
  Deno.test(`${event.type} survives Cog's output frame`, () => {
    const [message] = createServerSentDecoder().feed(encodeOutput(event, 4));
    assert(message);
    assert.equal(message.id, 4);
    assert.deepEqual(decodeOutput(message), { ok: true, value: event });
  });
}

Deno.test("Only the failed event has a key called error, which would stop OpenAI's client", () => {
  const withError = EVENTS.filter((event) => "error" in event).map(({ type }) => type);
  assert.deepEqual(withError, ["generation.failed"]);
});

Deno.test("isTerminal() knows the three ends", () => {
  assert.deepEqual(EVENTS.filter(isTerminal).map(({ type }) => type), [
    "generation.completed",
    "generation.failed",
    "generation.canceled",
  ]);
});

Deno.test("parseGenerationEvent() refuses what is not an event", () => {
  const step = EVENTS.find(({ type }) => type === "generation.step") as GenerationEvent;
  const broken = [
    null,
    "generation.step",
    { type: "generation.teapot" },
    { ...step, step: -1 },
    { ...step, step: "1" },
    { type: "generation.image" },
  ];
  for (const value of broken) {
    const parsed = parseGenerationEvent(value);
    assert(!parsed.ok);
    assert.equal(parsed.problem.code, "upstream_failed");
  }
});

Deno.test("decodeOutput() passes over Cog's other messages and refuses broken JSON", () => {
  assert.deepEqual(decodeOutput({ id: null, event: "start", data: "{}" }), {
    ok: true,
    value: null,
  });
  assert.equal(decodeOutput({ id: 1, event: "output", data: "{" }).ok, false);
  assert.equal(decodeOutput({ id: 1, event: "output", data: '{"chunk":{},"index":1}' }).ok, false);
});

Deno.test("createProblem() follows the error table", () => {
  for (const [code, { status, retryable, title }] of Object.entries(ERROR_TABLE)) {
    const problem = createProblem(code as keyof typeof ERROR_TABLE, "Sentence");
    assert.deepEqual(problem, {
      type: `urn:shapefirst:problem:${code}`,
      title,
      status,
      detail: "Sentence",
      code,
      retryable,
    });
  }
});
