/** Hits of the same key are counted here and written together, at most once a minute. */

export interface Touchable {
  touch(id: string, now: number, hits?: number): Promise<void>;
}

/** The same, its hits written rarely. */
export function rarelyTouched<Stored extends Touchable>(stored: Stored, hits: HitCounter): Stored {
  return {
    ...stored,
    touch: (id: string, now: number, more?: number) => hits.touch(stored, id, { now, hits: more }),
  };
}

interface Count {
  /** Epoch milliseconds. */
  readonly writtenAt: number;
  /** Not written yet. */
  readonly hits: number;
}

export const WRITE_PAUSE_MS = 60_000;
/** Beyond, the oldest are forgotten: their next hit is written at once. */
const KEYS_MAX = 10_000;

export class HitCounter {
  readonly #counts = new Map<string, Count>();

  async touch(
    touchable: Touchable,
    id: string,
    { now, hits = 1 }: { readonly now: number; readonly hits?: number | undefined },
  ): Promise<void> {
    const known = this.#counts.get(id);
    const waiting = (known?.hits ?? 0) + hits;
    if (known && now - known.writtenAt < WRITE_PAUSE_MS) {
      this.#counts.set(id, { ...known, hits: waiting });
      return;
    }
    this.#counts.delete(id);
    this.#counts.set(id, { writtenAt: now, hits: 0 });
    const [oldest] = this.#counts.keys();
    if (this.#counts.size > KEYS_MAX && oldest !== undefined) this.#counts.delete(oldest);
    await touchable.touch(id, now, waiting);
  }
}
