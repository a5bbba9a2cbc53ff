/** Reads the body of one connection as server-sent messages. */
import { createServerSentDecoder, type ServerSentMessage } from "../../contract/mod.ts";
import { later, within } from "../clock.ts";

/** No message came for too long: the sender is there, but its work does not go on. */
export class NoProgress extends Error {
  override readonly name = "NoProgress";
}

/** Reads as `readDecoded`, for messages with our numbers. */
export function readMessages(
  body: ReadableStream<Uint8Array>,
  silenceMs: number,
  progressMs?: number,
): AsyncGenerator<ServerSentMessage> {
  return readDecoded(body, createServerSentDecoder(), { silenceMs, progressMs });
}

interface Decoder<Message> {
  feed(text: string): Message[];
}

/**
 * Ends where the body ends, whatever its last message.
 * @param progressMs how long heartbeats alone may come; absent means for ever
 * @throws Error when nothing arrives for `silenceMs` (heartbeats count) or the connection breaks
 * @throws NoProgress when only heartbeats arrive for `progressMs`
 */
export async function* readDecoded<Message>(
  body: ReadableStream<Uint8Array>,
  decoder: Decoder<Message>,
  { silenceMs, progressMs }: { silenceMs: number; progressMs?: number | undefined },
): AsyncGenerator<Message> {
  const reader = body.getReader();
  // The decoder removes one byte order mark at the front; Deno's would do so in each chunk.
  const text = new TextDecoder("utf-8", { ignoreBOM: true });
  let stalled = false;
  const stall = () => {
    stalled = true;
    reader.cancel().catch(() => {});
  };
  const watch = () => progressMs === undefined ? () => {} : later(progressMs, stall);
  let unwatch = watch();
  try {
    while (true) {
      const { value, done } = await within(reader.read(), silenceMs, "The next event");
      if (stalled) throw new NoProgress(`Nothing but heartbeats for ${progressMs} ms`);
      if (done) return;
      const messages = decoder.feed(text.decode(value, { stream: true }));
      if (messages.length === 0) continue;
      unwatch();
      yield* messages;
      unwatch = watch();
    }
  } finally {
    unwatch();
    // This also runs when the consumer stops early, so that the other side sees it leave.
    reader.cancel().catch(() => {});
  }
}
