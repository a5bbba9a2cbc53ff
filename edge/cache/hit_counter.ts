/** Hits of the same key are counted here and written together, at most once a minute. */
import { BoundedMap } from "../bounded_map.ts";

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
  hits: number;
}

export const WRITE_PAUSE_MS = 60_000;
/** Beyond, the oldest are forgotten: their next hit is written at once. */
const KEYS_MAX = 10_000;

export class HitCounter {
  readonly #counts = new BoundedMap<string, Count>(KEYS_MAX);

  async touch(
    touchable: Touchable,
    id: string,
    { now, hits = 1 }: { readonly now: number; readonly hits?: number | undefined },
  ): Promise<void> {
    const known = this.#counts.get(id);
    const waiting = (known?.hits ?? 0) + hits;
    if (known && now - known.writtenAt < WRITE_PAUSE_MS) {
      // In its place: what leaves first is what was written the longest time ago.
      known.hits = waiting;
      return;
    }
    this.#counts.set(id, { writtenAt: now, hits: 0 });
    await touchable.touch(id, now, waiting);
  }
}
