/** Streams server-sent events as a response body, since Hono's own helper swallows errors. */
import { HEARTBEAT, LIMITS } from "../../contract/mod.ts";
import type { LogMessage, MessageLog } from "./message_log.ts";
import { later, settlesWithin } from "../clock.ts";

export interface ReadOptions {
  /** The cursor of the last event that the reader has; -1 for none. */
  readonly after: number;
  /** Whether the reader's submission was answered from a finished result. */
  readonly cached: boolean;
  readonly heartbeatMs: number;
  /** Closes a reader that takes nothing for this long. It can resume. */
  readonly stalledMs: number;
}

/** Heartbeats as promised, and five minutes for a reader that takes nothing. */
export const READING = { heartbeatMs: LIMITS.heartbeatMs, stalledMs: 5 * 60_000 } as const;

/** A reader gets this much at a time: all that a slow one can hold, however long an event is. */
export const CHUNK_LENGTH = 64 * 1024;
export const HEARTBEAT_BYTES = new TextEncoder().encode(HEARTBEAT);

/**
 * One reader of a log. The stream pulls: it holds a cursor and a piece of one message, whose bytes
 * belong to the log. So a slow reader costs nothing and a fast one waits for the log. A reader that
 * falls far behind gets the newest preview instead of those that it missed, but keeps those that
 * were in the log when it came.
 */
export function readLog(
  log: MessageLog<LogMessage>,
  options: ReadOptions,
): ReadableStream<Uint8Array> {
  const leave = new AbortController();
  const askedFor = log.lastId;
  let cursor = options.after;
  let rest: Uint8Array = new Uint8Array();
  let noted: Uint8Array | null = null;
  let calmDown = () => {};

  function take(): boolean {
    let message = log.next(cursor);
    while (message && message.id > askedFor && log.isStale(message)) message = log.next(message.id);
    if (!message) return false;
    cursor = message.id;
    rest = options.cached ? message.cachedBytes ?? message.bytes : message.bytes;
    return true;
  }

  function give(controller: ReadableStreamDefaultController<Uint8Array>, bytes: Uint8Array): void {
    controller.enqueue(bytes);
    calmDown = later(options.stalledMs, () => controller.error(stalled(options)));
  }

  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      calmDown();
      while (!leave.signal.aborted) {
        if (rest.length > 0 || take()) {
          const piece = rest.subarray(0, CHUNK_LENGTH);
          rest = rest.subarray(CHUNK_LENGTH);
          if (rest.length > 0 || !isThrough(log, cursor)) return give(controller, piece);
          controller.enqueue(piece);
          return controller.close();
        }
        if (log.ended) return controller.close();
        if (log.note !== null && log.note !== noted) {
          noted = log.note;
          return give(controller, noted);
        }
        if (!await settlesWithin(log.changed, options.heartbeatMs, leave.signal)) {
          return give(controller, HEARTBEAT_BYTES);
        }
      }
    },
    cancel() {
      calmDown();
      leave.abort();
    },
  }, { highWaterMark: 0 });
}

function isThrough(log: MessageLog<LogMessage>, cursor: number): boolean {
  return log.ended && cursor === log.lastId;
}

function stalled({ stalledMs }: ReadOptions): Error {
  return new Error(`The reader took nothing for ${stalledMs} ms`);
}

/** `no-transform` keeps proxies from compressing, which would hold events back. */
export const EVENT_STREAM_HEADERS: Readonly<Record<string, string>> = {
  "content-type": "text/event-stream",
  "cache-control": "no-store, no-transform",
  "x-accel-buffering": "no",
};
