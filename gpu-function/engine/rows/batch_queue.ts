/**
 * Who is evaluated next, and with whom. Plain data: no clock, no waiting.
 *
 * Each batch begins with the entry that has waited longest, whatever its key. So an entry waits for at
 * most one batch for each entry that was there before it; and where batches take all waiting rows of
 * their key, for at most one of each other key. Who comes later cannot make that longer, however many come.
 */

export interface QueueEntry {
  /** Entries of equal key can share a batch: same model, same latent shape. */
  readonly batchKey: string;
  /** How many rows it brings; they stay together. */
  readonly rowCount: number;
  /** The most rows that a batch of its key may have; an entry with more runs by itself. */
  readonly rowsMax: number;
}

/** Chooses how many rows a batch gets. @param sizes what it can have, ascending, at least one */
export type ChooseSize = (batchKey: string, sizes: readonly number[]) => number;

export interface BatchQueue<E extends QueueEntry> {
  readonly size: number;
  enqueue(entry: E): void;
  /** Whether it was still waiting. */
  remove(entry: E): boolean;
  /**
   * Removes and returns the entry that has waited longest, together with the next ones of its key as
   * `choose` says. Never empty unless the queue is. Within a key nobody overtakes.
   */
  takeBatch(choose: ChooseSize): E[];
}

export function createBatchQueue<E extends QueueEntry>(): BatchQueue<E> {
  let waiting: E[] = [];
  return {
    get size() {
      return waiting.length;
    },
    enqueue(entry) {
      waiting.push(entry);
    },
    remove(entry) {
      const before = waiting.length;
      waiting = waiting.filter((other) => other !== entry);
      return waiting.length < before;
    },
    takeBatch(choose) {
      const [first] = waiting;
      if (!first) return [];
      const alike = waiting.filter(({ batchKey }) => batchKey === first.batchKey);
      const sizes = sizesOf(alike, first.rowsMax);
      const chosen = choose(first.batchKey, sizes);
      const batch = alike.slice(0, Math.max(sizes.indexOf(chosen) + 1, 1));
      waiting = waiting.filter((entry) => !batch.includes(entry));
      return batch;
    },
  };
}

/** The rows of the first entry, of the first two, and so on, as far as they may share a batch. */
function sizesOf(entries: readonly QueueEntry[], rowsMax: number): number[] {
  const sizes: number[] = [];
  let rows = 0;
  for (const { rowCount } of entries) {
    rows += rowCount;
    if (rows > rowsMax && sizes.length > 0) break;
    sizes.push(rows);
  }
  return sizes;
}
