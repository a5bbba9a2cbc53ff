/** What has happened in one sweep. Pixels are held once, in the texts: 16 branches may have many. */
import { encodeServerSentMessage, isSweepTerminal, type SweepEvent } from "../../contract/mod.ts";
import { markCached } from "./event_log.ts";
import { type LogMessage, MessageLog } from "./message_log.ts";

export class SweepLog extends MessageLog<LogMessage> {
  /** @throws RangeError after the end, or when the cursor does not grow */
  append(id: number, event: SweepEvent): void {
    const text = encodeServerSentMessage(id, event.type, event);
    const cached = markSweepCached(event);
    const other = cached === event
      ? {}
      : { cachedText: encodeServerSentMessage(id, event.type, cached) };
    this.place({ id, text, ...other }, {
      isTerminal: isSweepTerminal(event),
      isPreview: event.type === "sweep.event" && event.event.type === "generation.preview",
    });
  }
}

/** The event as a finished sweep tells it. */
export function markSweepCached(event: SweepEvent): SweepEvent {
  if (event.type === "sweep.completed") return { ...event, cached: true };
  if (event.type !== "sweep.event") return event;
  const marked = markCached(event.event);
  return marked === event.event ? event : { ...event, event: marked };
}
