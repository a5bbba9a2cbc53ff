/** A log of messages, kept encoded, for any number of readers with a cursor each. */

export interface LogMessage {
  /** The message's cursor. Cursors grow, mostly by one. */
  readonly id: number;
  /** The message as it is sent. All readers share it, so it must not be written to. */
  readonly bytes: Uint8Array;
  /** The message as readers get it from a finished run, where that differs. */
  readonly cachedBytes?: Uint8Array;
}

export interface Placement {
  /** The log takes no message after it. */
  readonly isTerminal: boolean;
  /** It may leave the log when previews outgrow it, and a reader that is far behind may skip it. */
  readonly isPreview: boolean;
}

export interface Placed {
  readonly isPreview: boolean;
  /** Bytes placed in the log up to its end. */
  readonly end: number;
}

/**
 * Bytes of previews that a log keeps. Beyond it the oldest previews leave: a reader that is so far
 * behind misses pictures, but gets every step, the image and the end.
 */
const PREVIEW_LENGTH_MAX = 24 * 1024 * 1024;
/** Bytes between a reader's cursor and the end of the log, from which on it is far behind. */
export const LAG_LENGTH_MAX = 1024 * 1024;

export interface LogBounds {
  /** Bytes of everything except previews. */
  readonly length: number;
  readonly messages: number;
}

export class MessageLog<Message extends LogMessage> {
  readonly #bounds: LogBounds;
  readonly #messages: (Message & Placed)[] = [];
  readonly #previews: (Message & Placed)[] = [];
  #changed = Promise.withResolvers<void>();
  #end = 0;
  #length = 0;
  #previewLength = 0;
  #ended = false;
  #note: Uint8Array | null = null;

  /** @param bounds beyond them only a terminal message is taken */
  constructor(bounds: LogBounds) {
    this.#bounds = bounds;
  }

  protected get messages(): readonly Message[] {
    return this.#messages;
  }

  /** -1 while the log is empty. */
  get lastId(): number {
    return this.#messages.at(-1)?.id ?? -1;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** @throws RangeError after the end, when the cursor does not grow, or when the log is full */
  protected place(message: Message, { isTerminal, isPreview }: Placement): void {
    const { length } = message.bytes;
    if (this.#ended || message.id <= this.lastId) {
      throw new RangeError(`Event ${message.id} cannot follow event ${this.lastId}`);
    }
    if (!isTerminal) this.#checkRoom(isPreview ? 0 : length);
    this.#end += length;
    this.#note = null;
    const placed = { ...message, isPreview, end: this.#end };
    this.#messages.push(placed);
    if (isPreview) this.#boundPreviews(placed);
    else this.#length += length;
    this.#ended = isTerminal;
    this.#change();
  }

  /** Shows readers something of the moment, which the next message or note replaces. */
  protected placeNote(bytes: Uint8Array): void {
    if (this.#ended) return;
    this.#note = bytes;
    this.#change();
  }

  /** What is to be said after the last message and is no message; null where nothing is. */
  get note(): Uint8Array | null {
    return this.#note;
  }

  #change(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  #checkRoom(length: number): void {
    const { messages, length: lengthMax } = this.#bounds;
    if (this.#messages.length < messages && this.#length + length <= lengthMax) return;
    throw new RangeError(`A log holds at most ${messages} events and ${lengthMax} bytes`);
  }

  #boundPreviews(added: Message & Placed): void {
    this.#previews.push(added);
    this.#previewLength += added.bytes.length;
    while (this.#previewLength > PREVIEW_LENGTH_MAX) {
      const oldest = this.#previews.shift();
      if (!oldest) return;
      this.#messages.splice(this.#messages.indexOf(oldest), 1);
      this.#previewLength -= oldest.bytes.length;
    }
  }

  /** Returns the first message after the cursor. */
  next(cursor: number): Message & Placed | undefined {
    // Ids grow, mostly by one: the message is close to its own id.
    let index = Math.min(Math.max(cursor + 1, 0), this.#messages.length);
    while (index > 0 && (this.#messages[index - 1]?.id ?? -1) > cursor) index--;
    return this.#messages[index];
  }

  /** Returns whether it is a preview far from the end of the log, with a newer one after it. */
  isStale(message: Placed): boolean {
    if (!message.isPreview || this.#end - message.end <= LAG_LENGTH_MAX) return false;
    return (this.#previews.at(-1)?.end ?? 0) > message.end;
  }

  /** Settles with the next message or note. */
  get changed(): Promise<void> {
    return this.#changed.promise;
  }
}
