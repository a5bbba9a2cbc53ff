/** The body of one connection to the GPU function, as numbered events. */
import { createServerSentDecoder, decodeOutput, ProblemError } from "../../contract/mod.ts";
import type { NumberedEvent } from "../../db/queries.ts";
import { within } from "../jobs/patience.ts";

/**
 * Ends where the body ends, terminal event or not.
 * @throws Error when nothing arrives for `silenceMs` (heartbeats count) or the connection breaks
 * @throws ProblemError `upstream_failed` when what arrives is not of the contract
 */
export async function* readPrediction(
  body: ReadableStream<Uint8Array>,
  silenceMs: number,
): AsyncGenerator<NumberedEvent> {
  const reader = body.getReader();
  const text = new TextDecoder();
  const decoder = createServerSentDecoder();
  try {
    while (true) {
      const { value, done } = await within(reader.read(), silenceMs, "The next event");
      if (done) return;
      for (const message of decoder.feed(text.decode(value, { stream: true }))) {
        const event = decodeOutput(message);
        if (!event.ok) throw new ProblemError(event.problem);
        if (event.value && message.id !== null) yield { id: message.id, event: event.value };
      }
    }
  } finally {
    // Also when the consumer stops early: the GPU function then sees that this reader has left.
    reader.cancel().catch(() => {});
  }
}
