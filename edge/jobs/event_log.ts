/** What has happened in one run, kept encoded, for any number of readers with a cursor each. */
import { encodeServerSentMessage, type GenerationEvent, isTerminal } from "../../contract/mod.ts";
import type { NumberedEvent } from "../../db/queries.ts";

interface Entry extends NumberedEvent {
  readonly text: string;
}

/**
 * Characters of previews that a log keeps. Beyond, the oldest previews leave it: a reader that is so
 * far behind misses pictures, never steps, image or end.
 */
const PREVIEW_LENGTH_MAX = 24 * 1024 * 1024;

export class EventLog {
  readonly #entries: Entry[] = [];
  #changed = Promise.withResolvers<void>();
  #previewLength = 0;

  get events(): readonly NumberedEvent[] {
    return this.#entries;
  }

  /** -1 while the log is empty. */
  get lastId(): number {
    return this.#entries.at(-1)?.id ?? -1;
  }

  get ended(): boolean {
    const last = this.#entries.at(-1);
    return last !== undefined && isTerminal(last.event);
  }

  /** Characters held. */
  get length(): number {
    return this.#entries.reduce((sum, { text }) => sum + text.length, 0);
  }

  /** @throws RangeError after the end, or when the cursor does not grow */
  append(id: number, event: GenerationEvent): void {
    if (this.ended || id <= this.lastId) {
      throw new RangeError(`Event ${id} (${event.type}) cannot follow event ${this.lastId}`);
    }
    const text = encodeServerSentMessage(id, event.type, event);
    this.#entries.push({ id, event, text });
    if (event.type === "generation.preview") this.#boundPreviews(text.length);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  #boundPreviews(added: number): void {
    this.#previewLength += added;
    while (this.#previewLength > PREVIEW_LENGTH_MAX) {
      const oldest = this.#entries.findIndex(({ event }) => event.type === "generation.preview");
      const [gone] = this.#entries.splice(oldest, 1);
      this.#previewLength -= gone?.text.length ?? 0;
    }
  }

  /** The first event after the cursor, as the text of its message. */
  next(cursor: number): Entry | undefined {
    // Ids grow, mostly by one: the entry is close to its own id.
    let index = Math.min(Math.max(cursor + 1, 0), this.#entries.length);
    while (index > 0 && (this.#entries[index - 1]?.id ?? -1) > cursor) index--;
    return this.#entries[index];
  }

  /** Settles with the next append. */
  get changed(): Promise<void> {
    return this.#changed.promise;
  }
}
