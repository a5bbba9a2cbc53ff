/** Server-sent events as text, both ways (WHATWG HTML, section 9.2). */
import { createParser, ParseError } from "eventsource-parser";
import { LIMITS } from "../limits.ts";

export interface ServerSentMessage {
  /** The event's sequence number in its stream; null when the sender gave none. */
  readonly id: number | null;
  readonly event: string;
  readonly data: string;
}

/** A message of another service, whose ids need not be numbers. */
export interface RawServerSentMessage {
  /** As it was sent, for `Last-Event-ID`. */
  readonly id: string | undefined;
  readonly event: string;
  readonly data: string;
}

/** A comment line, which is no event. It keeps proxies and clients from giving up. */
export const HEARTBEAT = ": heartbeat\n\n";

/** One message as text. `data` is JSON, so it has no line breaks of its own. */
export function encodeServerSentMessage(id: number, event: string, data: unknown): string {
  return `id: ${id}\n${encodeUnnumberedMessage(event, data)}`;
}

/** A message that is no place to resume from. */
export function encodeUnnumberedMessage(event: string, data: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

/**
 * A decoder that takes text as it arrives, cut anywhere, and returns each message once complete.
 * @throws RangeError when one message outgrows `LIMITS.eventLength`
 */
export function createServerSentDecoder(): { feed(text: string): ServerSentMessage[] } {
  const decoder = createRawServerSentDecoder();
  return {
    feed: (text) => decoder.feed(text).map((raw) => ({ ...raw, id: parseEventId(raw.id) })),
  };
}

/**
 * A decoder that leaves ids as they came.
 * @throws RangeError when one message outgrows `LIMITS.eventLength`
 */
export function createRawServerSentDecoder(): { feed(text: string): RawServerSentMessage[] } {
  let complete: RawServerSentMessage[] = [];
  let overflow = false;
  const parser = createParser({
    maxBufferSize: LIMITS.eventLength,
    onEvent: ({ id, event, data }) => complete.push({ id, event: event ?? "message", data }),
    onError: (error: ParseError) => {
      overflow ||= error.type === "max-buffer-size-exceeded";
    },
  });
  return {
    feed(text) {
      parser.feed(text);
      if (overflow) {
        throw new RangeError(`A server-sent event is longer than ${LIMITS.eventLength} characters`);
      }
      const messages = complete;
      complete = [];
      return messages;
    },
  };
}

/** The value of `Last-Event-ID` or of an `id:` line; null unless it is a sequence number. */
export function parseEventId(id: string | null | undefined): number | null {
  return id && /^\d{1,15}$/.test(id) ? Number(id) : null;
}

/** The data of a message; undefined where it is no JSON, which no schema takes. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
