/** Hits of the same key are counted here and written together, at most once a minute. */
import { BoundedMap } from "../bounded_map.ts";

export interface Touchable {
  touch(id: string, now: number, hits?: number): Promise<void>;
}

/** Wraps a store so that its hits are written rarely. */
export function rarelyTouched<Stored extends Touchable>(stored: Stored, hits: HitCounter): Stored {
  return {
    ...stored,
    touch: (id: string, now: number, more?: number) => hits.touch(stored, id, { now, hits: more }),
  };
}

interface Count {
  /** Epoch milliseconds. */
  readonly writtenAt: number;
  /** Hits that are not written yet. */
  hits: number;
}

export const WRITE_PAUSE_MS = 60_000;
/** Beyond it the oldest are forgotten: their next hit is written at once. */
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
      // The entry keeps its place: the one written the longest time ago leaves first.
      known.hits = waiting;
      return;
    }
    this.#counts.set(id, { writtenAt: now, hits: 0 });
    await touchable.touch(id, now, waiting);
  }
}
