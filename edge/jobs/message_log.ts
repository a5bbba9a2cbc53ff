/** A log of messages, kept encoded, for any number of readers with a cursor each. */

export interface LogMessage {
  /** Its cursor. Cursors grow, mostly by one. */
  readonly id: number;
  /** As it is sent. */
  readonly text: string;
  /** As it is sent to those whom the finished job answered, where that differs. */
  readonly cachedText?: string;
}

export interface Placement {
  /** Nothing may follow it. */
  readonly isTerminal: boolean;
  /** May leave the log when previews outgrow it. */
  readonly isPreview: boolean;
}

/**
 * Characters of previews that a log keeps. Beyond, the oldest previews leave it: a reader that is so
 * far behind misses pictures, never steps, image or end.
 */
const PREVIEW_LENGTH_MAX = 24 * 1024 * 1024;

export class MessageLog<Message extends LogMessage> {
  readonly #messages: Message[] = [];
  readonly #previews: Message[] = [];
  #changed = Promise.withResolvers<void>();
  #previewLength = 0;
  #ended = false;

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

  /** Characters held. */
  get length(): number {
    return this.#messages.reduce((sum, { text }) => sum + text.length, 0);
  }

  /** @throws RangeError after the end, or when the cursor does not grow */
  protected place(message: Message, { isTerminal, isPreview }: Placement): void {
    if (this.#ended || message.id <= this.lastId) {
      throw new RangeError(`Event ${message.id} cannot follow event ${this.lastId}`);
    }
    this.#messages.push(message);
    if (isPreview) this.#boundPreviews(message);
    this.#ended = isTerminal;
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  #boundPreviews(added: Message): void {
    this.#previews.push(added);
    this.#previewLength += added.text.length;
    while (this.#previewLength > PREVIEW_LENGTH_MAX) {
      const oldest = this.#previews.shift();
      if (!oldest) return;
      this.#messages.splice(this.#messages.indexOf(oldest), 1);
      this.#previewLength -= oldest.text.length;
    }
  }

  /** The first message after the cursor. */
  next(cursor: number): Message | undefined {
    // Ids grow, mostly by one: the message is close to its own id.
    let index = Math.min(Math.max(cursor + 1, 0), this.#messages.length);
    while (index > 0 && (this.#messages[index - 1]?.id ?? -1) > cursor) index--;
    return this.#messages[index];
  }

  /** Settles with the next message. */
  get changed(): Promise<void> {
    return this.#changed.promise;
  }
}
