/**
 * The events of one job: written once, read by many, each at its own pace. A reader is no more than a
 * cursor into the shared log, so a slow one costs nothing and one that comes back misses nothing.
 */
import { type GenerationEvent, isTerminal } from "../../contract/mod.ts";

export interface LoggedEvent {
  /** The cursor: 0, 1, 2 … */
  readonly index: number;
  readonly event: GenerationEvent;
}

export interface EventReader {
  /** The next event, as soon as there is one; null after the last or once closed. One call at a time. */
  next(): Promise<LoggedEvent | null>;
  close(): void;
}

/** How many readers there may be over all logs, and how many there are. */
export interface ReaderSeats {
  readonly max: number;
  taken: number;
}

export class EventLog {
  readonly #events: GenerationEvent[] = [];
  readonly #readers = new Set<LogReader>();
  readonly #seats: ReaderSeats;
  #length = 0;

  constructor(seats: ReaderSeats) {
    this.#seats = seats;
  }

  get events(): readonly GenerationEvent[] {
    return this.#events;
  }

  /** Length of the events as JSON: what retaining them costs, to within a factor of two. */
  get jsonLength(): number {
    return this.#length;
  }

  /** Whether the terminal event is in. */
  get ended(): boolean {
    const last = this.#events.at(-1);
    return last !== undefined && isTerminal(last);
  }

  /** @throws RangeError after the terminal event */
  append(event: GenerationEvent): void {
    if (this.ended) throw new RangeError(`${event.type} comes after the end of the log`);
    this.#events.push(event);
    this.#length += JSON.stringify(event).length;
    for (const reader of this.#readers) reader.wake();
  }

  /**
   * A reader of everything after an event; null when all seats are taken.
   * @param after index of the last event already known; null reads from the start
   */
  read(after: number | null): EventReader | null {
    if (this.#seats.taken >= this.#seats.max) return null;
    const reader = new LogReader(this, after === null ? 0 : after + 1, () => {
      if (this.#readers.delete(reader)) this.#seats.taken--;
    });
    this.#readers.add(reader);
    this.#seats.taken++;
    return reader;
  }
}

class LogReader implements EventReader {
  readonly #log: EventLog;
  readonly #release: () => void;
  #cursor: number;
  #closed = false;
  #resume: (() => void) | null = null;

  constructor(log: EventLog, cursor: number, release: () => void) {
    this.#log = log;
    this.#cursor = cursor;
    this.#release = release;
  }

  async next(): Promise<LoggedEvent | null> {
    while (!this.#closed) {
      const event = this.#log.events[this.#cursor];
      if (event) return { index: this.#cursor++, event };
      if (this.#log.ended) break;
      await new Promise<void>((resolve) => this.#resume = resolve);
    }
    this.close();
    return null;
  }

  wake(): void {
    this.#resume?.();
    this.#resume = null;
  }

  close(): void {
    this.#closed = true;
    this.#release();
    this.wake();
  }
}
