/** The body of one connection, as server-sent messages. */
import { createServerSentDecoder, type ServerSentMessage } from "../../contract/mod.ts";
import { within } from "./patience.ts";

/**
 * Ends where the body ends, whatever its last message.
 * @throws Error when nothing arrives for `silenceMs` (heartbeats count) or the connection breaks
 */
export async function* readMessages(
  body: ReadableStream<Uint8Array>,
  silenceMs: number,
): AsyncGenerator<ServerSentMessage> {
  const reader = body.getReader();
  const text = new TextDecoder();
  const decoder = createServerSentDecoder();
  try {
    while (true) {
      const { value, done } = await within(reader.read(), silenceMs, "The next event");
      if (done) return;
      yield* decoder.feed(text.decode(value, { stream: true }));
    }
  } finally {
    // Also when the consumer stops early: the other side then sees that this reader has left.
    reader.cancel().catch(() => {});
  }
}
