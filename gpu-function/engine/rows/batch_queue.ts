/** Who is evaluated next, and with whom. Plain data: no clock, no waiting. */

export interface QueueEntry {
  /** Entries of equal key can share a batch: same model, same latent shape. */
  readonly batchKey: string;
  /** How many rows it brings; they stay together. */
  readonly rowCount: number;
}

export interface BatchQueue<E extends QueueEntry> {
  readonly size: number;
  enqueue(entry: E): void;
  /** Whether it was still waiting. */
  remove(entry: E): boolean;
  /**
   * Removes and returns the entry that has waited longest, together with those after it that can
   * share its batch. Never empty unless the queue is; a single entry may exceed `rowsMax`.
   */
  takeBatch(rowsMax: number): E[];
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
    takeBatch(rowsMax) {
      const [first, ...others] = waiting;
      if (!first) return [];
      const batch = [first];
      let rows = first.rowCount;
      for (const entry of others) {
        if (entry.batchKey !== first.batchKey || rows + entry.rowCount > rowsMax) continue;
        batch.push(entry);
        rows += entry.rowCount;
      }
      waiting = waiting.filter((entry) => !batch.includes(entry));
      return batch;
    },
  };
}
