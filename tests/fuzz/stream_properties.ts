/** What must hold of the decoder of server-sent events, whatever bytes come. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  createServerSentDecoder,
  encodeServerSentMessage,
  ProblemError,
  type ServerSentMessage,
} from "../../contract/mod.ts";
import { EVENTS } from "../../contract/fixtures/events.ts";
import { readPrediction } from "../../edge/backends/prediction_stream.ts";
import type { Property } from "./property.ts";

export const bytesOf = (text: string) => new TextEncoder().encode(text);
const LINE_ENDS = ["\n", "\r\n", "\r"] as const;

/** Pieces of streams, right and wrong ones, and arbitrary bytes. */
const piece = fc.oneof(
  fc.constantFrom(
    ...["\n", "\r", "\r\n", "\n\n", "\r\n\r\n", "\r\r", ":", ": heartbeat\n\n", "\ufeff", "\0"],
    ...["id: ", "id:", "id", "event: ", "event: output\n", "data: ", "data:", "data", "retry: 5\n"],
    ...["retry: -1\n", "unknown: x\n", `id: ${"9".repeat(400)}\n`, "id: \0\n", "{", "}", "null"],
    ...["data: {}\n\n", 'data: {"chunk":', "\u2028", "\u{1f426}"],
  ).map(bytesOf),
  fc.constantFrom(...EVENTS.keys()).map((i) =>
    bytesOf(encodeServerSentMessage(i, "output", { chunk: EVENTS[i], index: i }))
  ),
  fc.string({ unit: "binary", maxLength: 8 }).map(bytesOf),
  fc.uint8Array({ maxLength: 8 }),
);

const stream = fc.array(piece, { maxLength: 30 }).map((pieces) =>
  new Uint8Array(pieces.flatMap((bytes) => [...bytes]))
);

/** Decodes as `edge/rooms/message_stream.ts` does. */
function decode(chunks: readonly Uint8Array[]): ServerSentMessage[] {
  const text = new TextDecoder("utf-8", { ignoreBOM: true });
  const decoder = createServerSentDecoder();
  return chunks.flatMap((chunk) => decoder.feed(text.decode(chunk, { stream: true })));
}

/** The same bytes as one chunk, byte by byte, and cut in two at every place. */
function everyCut(bytes: Uint8Array): Uint8Array[][] {
  const places = Array.from({ length: bytes.length + 1 }, (_, i) => i);
  const single = places.slice(0, -1).map((i) => bytes.slice(i, i + 1));
  return [single, ...places.map((i) => [bytes.slice(0, i), bytes.slice(i)])];
}

const cuts: Property = {
  name: "a stream means the same wherever it is cut",
  async check(parameters) {
    await fc.assert(
      fc.asyncProperty(stream, async (bytes) => {
        const whole = decode([bytes]);
        for (const chunks of everyCut(bytes)) assert.deepEqual(decode(chunks), whole);
        await Promise.resolve();
      }),
      parameters,
    );
  },
};

const lineEnds: Property = {
  name: "line ends of all three kinds, and a byte order mark in front, change nothing",
  async check(parameters) {
    const message = fc.record({ id: fc.nat(), data: fc.jsonValue() });
    await fc.assert(
      fc.asyncProperty(fc.array(message), fc.constantFrom(...LINE_ENDS), async (messages, end) => {
        const text = messages.map(({ id, data }) => encodeServerSentMessage(id, "a", data)).join(
          "",
        );
        // A final CR may be half of a line end, so only the next character completes it.
        const written = `\ufeff${text}:`.replaceAll("\n", end);
        const decoded = decode([bytesOf(written)]);
        assert.deepEqual(decoded.map(({ id }) => id), messages.map(({ id }) => id));
        assert.deepEqual(
          decoded.map(({ data }) => data),
          messages.map(({ data }) => JSON.stringify(data)),
        );
        await Promise.resolve();
      }),
      parameters,
    );
  },
};

/** A body that gives chunks as they are asked for, like a socket. */
export function bodyOf(chunks: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  const left = [...chunks];
  return new ReadableStream({
    pull(controller) {
      const next = left.shift();
      if (next) controller.enqueue(next);
      else controller.close();
    },
  });
}

const PATIENCE = { silenceMs: 60_000, progressMs: 60_000 };

const predictions: Property = {
  name: "from any bytes a prediction is events or one refusal, and never anything else",
  async check(parameters) {
    await fc.assert(
      fc.asyncProperty(stream, async (bytes) => {
        try {
          for await (const { id, event } of readPrediction(bodyOf([bytes]), PATIENCE)) {
            assert(Number.isSafeInteger(id) && id >= 0);
            assert(event.type.startsWith("generation."));
          }
        } catch (error) {
          assert(error instanceof ProblemError, String(error));
          assert.equal(error.problem.code, "upstream_failed");
          assert(error.problem.detail.length < 1_000);
        }
      }),
      parameters,
    );
  },
};

export const STREAM_PROPERTIES: readonly Property[] = [cuts, lineEnds, predictions];
