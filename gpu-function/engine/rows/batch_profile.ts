/**
 * How many rows are worth taking together, learned from how long batches took. Its answers follow from
 * what it was told, in that order: it has no clock.
 */

export interface BatchMeasurement {
  /** The rows of the batch. */
  readonly taken: number;
  /** Those of them that the graph ran for; the others were remembered. */
  readonly evaluated: number;
  /** What they took; Infinity where the batch failed. */
  readonly milliseconds: number;
}

/** So often a size is tried before it is judged. A proof of its bits makes the first time a slow one. */
export const TRIES = 4;
/**
 * Of so many times the second shortest counts. Other work on the machine makes batches longer and never
 * shorter, so that is what the size itself takes: no single time decides, and no short spell of load.
 */
const TIMES_KEPT = 16;
/** Differences of a twentieth are noise. */
const WORTH = 0.95;
/**
 * A size that was not taken for so many batches is tried once more, since the machine was perhaps busy
 * when it lost. The pause doubles each time, up to the longest one.
 */
const SHORTEST_PAUSE = 32;
export const LONGEST_PAUSE = 1_024;
/** Keys are models and shapes, and clients choose shapes; the least recently measured one goes first. */
const KEYS_MAX = 64;

interface SizeRecord {
  readonly tries: number;
  /** The latest last. */
  readonly times: readonly number[];
  /** The key's batch, counted from 1, in which it was last tried; 0 before. */
  readonly batch: number;
  /** Batches of the key before it is tried again. */
  readonly pause: number;
}

interface KeyRecord {
  batches: number;
  /** By number of rows. */
  readonly sizes: Map<number, SizeRecord>;
}

const UNTRIED: SizeRecord = { tries: 0, times: [], batch: 0, pause: SHORTEST_PAUSE };

export class BatchProfile {
  /** Least recently measured first. */
  readonly #keys = new Map<string, KeyRecord>();

  /** Learns from a batch that has run. */
  record(batchKey: string, { taken, evaluated, milliseconds }: BatchMeasurement): void {
    const key = this.#keys.get(batchKey) ?? { batches: 0, sizes: new Map() };
    this.#keys.delete(batchKey);
    this.#keys.set(batchKey, key);
    const [oldest] = this.#keys.keys();
    if (this.#keys.size > KEYS_MAX && oldest !== undefined) this.#keys.delete(oldest);
    key.batches += 1;
    key.sizes.set(taken, triedAgain(key.sizes.get(taken) ?? UNTRIED, key.batches));
    // Where all rows were remembered that is size 0, for which nobody asks.
    const timed = key.sizes.get(evaluated) ?? UNTRIED;
    const times = [...timed.times, milliseconds].slice(-TIMES_KEPT);
    key.sizes.set(evaluated, { ...timed, times });
  }

  /**
   * Chooses one of the numbers of rows that can be taken. Those nearest below 1, 2, 4, 8 and so on, and
   * the largest, are tried first, from the largest down. Then it is the largest that is not clearly
   * slower, row for row, than a smaller one. A size that lost is tried once more, now and then.
   *
   * @param sizes ascending, at least one
   */
  choose(batchKey: string, sizes: readonly number[]): number {
    const key = this.#keys.get(batchKey) ?? { batches: 0, sizes: new Map() };
    const rungs = rungsOf(sizes);
    const untried = rungs.findLast((size) => isTrialDue(key, size));
    if (untried !== undefined) return untried;
    let chosen = rungs[0] ?? 1;
    let best = 0;
    for (const size of sizes) {
      const rate = rateOf(key.sizes.get(size), size);
      if (rate === null ? rungs.includes(size) : rate >= WORTH * best) chosen = size;
      best = Math.max(best, rate ?? 0);
    }
    return chosen;
  }
}

/** The largest size up to each power of two, and the largest of all. */
function rungsOf(sizes: readonly number[]): number[] {
  const largest = sizes.at(-1) ?? 1;
  const rungs = new Set<number>();
  for (let power = 1; power < largest; power *= 2) {
    const rung = sizes.findLast((size) => size <= power);
    if (rung !== undefined) rungs.add(rung);
  }
  return [...rungs, largest];
}

function triedAgain(record: SizeRecord, batch: number): SizeRecord {
  const isOften = batch - record.batch <= SHORTEST_PAUSE;
  const pause = isOften ? SHORTEST_PAUSE : Math.min(2 * record.pause, LONGEST_PAUSE);
  return { ...record, tries: record.tries + 1, batch, pause };
}

function isTrialDue({ batches, sizes }: KeyRecord, size: number): boolean {
  const { tries, batch, pause } = sizes.get(size) ?? UNTRIED;
  return tries < TRIES || batches - batch >= pause;
}

/** Rows per millisecond; null before it can be judged. */
function rateOf(record: SizeRecord | undefined, rows: number): number | null {
  if (!record || record.times.length < TRIES) return null;
  const [, second = NaN] = record.times.toSorted((a, b) => a - b);
  return rows / second;
}
