/** The events of one sweep. Pixels are held once, in the texts: 16 branches may have many. */
import { isSweepTerminal, type SweepEvent, type SweepTerminalEvent } from "../../contract/mod.ts";
import { encodeEvent, markCached } from "../rooms/event_log.ts";
import { type LogMessage, MessageLog } from "../rooms/message_log.ts";

export interface NumberedSweepEvent {
  readonly id: number;
  readonly event: SweepEvent;
}

/** The terminal event, under its cursor. */
export interface SweepEnd extends NumberedSweepEvent {
  readonly event: SweepTerminalEvent;
}

/**
 * Sixteen times a generation's bound would exceed a process's memory; images decide, not events.
 */
const BOUNDS = { length: 320 * 1024 * 1024, messages: 320_000 };

export class SweepLog extends MessageLog<LogMessage> {
  constructor() {
    super(BOUNDS);
  }

  /** @throws RangeError after the end, when the cursor does not grow, or when the log is full */
  append({ id, event }: NumberedSweepEvent): void {
    const bytes = encodeEvent(id, event);
    const cached = markSweepCached(event);
    const other = cached === event ? {} : { cachedBytes: encodeEvent(id, cached) };
    this.place({ id, bytes, ...other }, {
      isTerminal: isSweepTerminal(event),
      isPreview: event.type === "sweep.event" && event.event.type === "generation.preview",
    });
  }
}

/** Returns the event as a finished sweep has it. */
export function markSweepCached(event: SweepEvent): SweepEvent {
  if (event.type === "sweep.completed") return { ...event, cached: true };
  if (event.type !== "sweep.event") return event;
  const marked = markCached(event.event);
  return marked === event.event ? event : { ...event, event: marked };
}
