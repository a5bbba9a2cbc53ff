/**
 * Which models are in memory: loaded when first asked for, kept while memory lasts, and the least
 * recently used put away for another. Knows no ONNX.
 */

import { orAborted } from "../or_aborted.ts";

export interface LoadableModel<M> {
  /** What it takes in memory. */
  readonly bytes: number;
  readonly load: () => Promise<M>;
}

export interface ModelCacheOptions<M> {
  /** What can be in memory, by id. */
  readonly models: ReadonlyMap<string, LoadableModel<M>>;
  /** Together the models in memory take no more than this. */
  readonly bytesMax: number;
  unload(model: M): Promise<void>;
}

/** A model that stays in memory until it is released, once. */
export interface Lease<M> {
  readonly model: M;
  release(): void;
}

interface Entry<M> {
  readonly model: Promise<M>;
  readonly bytes: number;
  leases: number;
}

interface Waiting<M> {
  readonly id: string;
  readonly wanted: LoadableModel<M>;
  readonly settle: { resolve(entry: Entry<M>): void; reject(reason: unknown): void };
}

export class ModelCache<M> {
  /** In the order of their last use. */
  readonly #entries = new Map<string, Entry<M>>();
  readonly #options: ModelCacheOptions<M>;
  #waiting: Waiting<M>[] = [];
  #leaving: Promise<unknown> = Promise.resolve();

  /** @throws RangeError when a model alone exceeds the budget */
  constructor(options: ModelCacheOptions<M>) {
    const { models, bytesMax } = options;
    for (const [id, { bytes }] of models) if (bytes > bytesMax) throw tooLarge(id, bytes, bytesMax);
    this.#options = options;
  }

  /** Ids in memory or on their way, least recently used first. */
  get loaded(): readonly string[] {
    return [...this.#entries.keys()];
  }

  /**
   * Waits until the model fits beside those in use, first come first served, and loads it.
   * Rejects with what `load` threw, or with the signal's reason.
   */
  async acquire(id: string, signal?: AbortSignal): Promise<Lease<M>> {
    signal?.throwIfAborted();
    const entry = await this.#wait(id, signal);
    const release = once(() => {
      entry.leases -= 1;
      this.#serve();
    });
    try {
      return { model: await orAborted(entry.model, signal), release };
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Unloads everything; called when no lease is left. */
  async close(): Promise<void> {
    const all = [...this.#entries.values()];
    this.#entries.clear();
    await Promise.all([this.#leaving, ...all.map((entry) => this.#putAway(entry))]);
  }

  async #wait(id: string, signal: AbortSignal | undefined): Promise<Entry<M>> {
    const wanted = this.#options.models.get(id);
    if (!wanted) throw new RangeError(`There is no model ${id} to load`);
    const { promise, ...settle } = Promise.withResolvers<Entry<M>>();
    const place = { id, wanted, settle };
    const leave = () => {
      this.#waiting = this.#waiting.filter((other) => other !== place);
      settle.reject(signal?.reason);
      this.#serve();
    };
    signal?.addEventListener("abort", leave, { once: true });
    this.#waiting.push(place);
    this.#serve();
    return await promise.finally(() => signal?.removeEventListener("abort", leave));
  }

  /** Serves the queue from its head; who waits for room lets nobody pass, or would wait for ever. */
  #serve(): void {
    for (let [first] = this.#waiting; first !== undefined; [first] = this.#waiting) {
      const { id, wanted, settle } = first;
      if (!this.#entries.has(id) && !this.#makeRoom(wanted.bytes)) return;
      this.#waiting = this.#waiting.slice(1);
      const entry = this.#entries.get(id) ?? this.#start(id, wanted);
      entry.leases += 1;
      this.#entries.delete(id);
      this.#entries.set(id, entry);
      settle.resolve(entry);
    }
  }

  #start(id: string, { bytes, load }: LoadableModel<M>): Entry<M> {
    // What is put away for it must be gone first, or both would be in memory for a while.
    const model = this.#leaving.then(load);
    const entry = { model, bytes, leases: 0 };
    model.catch(() => {
      if (this.#entries.get(id) === entry) this.#entries.delete(id);
      this.#serve();
    });
    return entry;
  }

  /** Puts idle models away until `bytes` fit; none when that would not be enough. */
  #makeRoom(bytes: number): boolean {
    const taken = [...this.#entries.values()].reduce((sum, entry) => sum + entry.bytes, 0);
    const idle = [...this.#entries].filter(([, { leases }]) => leases === 0);
    let free = this.#options.bytesMax - taken;
    const reachable = free + idle.reduce((sum, [, entry]) => sum + entry.bytes, 0);
    if (reachable < bytes) return false;
    for (const [id, entry] of idle) {
      if (free >= bytes) break;
      this.#entries.delete(id);
      free += entry.bytes;
      this.#leaving = Promise.all([this.#leaving, this.#putAway(entry)]);
    }
    return true;
  }

  async #putAway({ model }: Entry<M>): Promise<void> {
    // A model that failed to load has been reported to those who waited for it.
    const loaded = await model.catch(() => undefined);
    if (loaded !== undefined) await this.#options.unload(loaded);
  }
}

function once(action: () => void): () => void {
  let done = false;
  return () => {
    if (!done) action();
    done = true;
  };
}

export function tooLarge(id: string, bytes: number, bytesMax: number): RangeError {
  const megabytes = (count: number) => `${Math.ceil(count / 1e6)} MB`;
  return new RangeError(
    `The models' memory must hold each model: ${id} takes ${megabytes(bytes)}, ` +
      `allowed are ${megabytes(bytesMax)}`,
  );
}
