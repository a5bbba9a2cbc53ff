/** What has happened in one generation. */
import { encodeServerSentMessage, type GenerationEvent, isTerminal } from "../../contract/mod.ts";
import type { NumberedEvent } from "../../db/queries.ts";
import { type LogMessage, MessageLog } from "./message_log.ts";

type Entry = NumberedEvent & LogMessage;

export class EventLog extends MessageLog<Entry> {
  get events(): readonly NumberedEvent[] {
    return this.messages;
  }

  /** @throws RangeError after the end, or when the cursor does not grow */
  append(id: number, event: GenerationEvent): void {
    const text = encodeServerSentMessage(id, event.type, event);
    const cached = markCached(event);
    const other = cached === event
      ? {}
      : { cachedText: encodeServerSentMessage(id, event.type, cached) };
    this.place({ id, event, text, ...other }, {
      isTerminal: isTerminal(event),
      isPreview: event.type === "generation.preview",
    });
  }
}

/** The event as a finished result tells it. */
export function markCached(event: GenerationEvent): GenerationEvent {
  return event.type === "generation.completed" ? { ...event, cached: true } : event;
}
