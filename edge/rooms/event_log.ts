/** The events of one generation. */
import {
  encodeServerSentMessage,
  encodeUnnumberedMessage,
  type GenerationEvent,
  isTerminal,
  type NumberedEvent,
  type Progress,
} from "../../contract/mod.ts";
import { type LogMessage, MessageLog } from "./message_log.ts";

type Entry = NumberedEvent & LogMessage;

/** Room for the longest event and 8 MiB, and for ten times the events of the longest run. */
const BOUNDS = { length: 40 * 1024 * 1024, messages: 20_000 };

export class EventLog extends MessageLog<Entry> {
  constructor() {
    super(BOUNDS);
  }

  get events(): readonly NumberedEvent[] {
    return this.messages;
  }

  /** @throws RangeError after the end, when the cursor does not grow, or when the log is full */
  append({ id, event, at_ms }: NumberedEvent): void {
    const bytes = encodeEvent(id, event);
    const cached = markCached(event);
    const other = cached === event ? {} : { cachedBytes: encodeEvent(id, cached) };
    const time = at_ms === undefined ? {} : { at_ms };
    this.place({ id, event, bytes, ...time, ...other }, {
      isTerminal: isTerminal(event),
      isPreview: event.type === "generation.preview",
    });
  }

  /** Returns the bytes that all readers share. */
  encode({ id }: NumberedEvent, cached: boolean): Uint8Array[] {
    const entry = this.next(id - 1);
    if (entry?.id !== id) throw new RangeError(`The log has no event ${id}`);
    return [cached ? entry.cachedBytes ?? entry.bytes : entry.bytes];
  }

  /** Shows readers what the run is doing, unless nothing has been said of the run itself yet. */
  report(progress: Progress): void {
    if (this.lastId < 0) return;
    this.placeNote(encoder.encode(encodeUnnumberedMessage(progress.type, progress)));
  }
}

const encoder = new TextEncoder();

/** Encodes one event as it stands in a stream. */
export function encodeEvent(id: number, event: { readonly type: string }): Uint8Array {
  return encoder.encode(encodeServerSentMessage(id, event.type, event));
}

/** Returns the event as a finished result has it. */
export function markCached(event: GenerationEvent): GenerationEvent {
  return event.type === "generation.completed" ? { ...event, cached: true } : event;
}
