/** One answer for all who ask within a moment. Whatever the rate, it is looked for once at a time. */
import { settlesWithin } from "./clock.ts";

export interface BriefMemoryPorts<Value> {
  readonly find: () => Promise<Value>;
  /** How long an answer holds. */
  readonly holdsMs: number;
  /** After that, a search is taken for lost with the request that began it. */
  readonly lostMs: number;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Lets a search go on though the request that began it has gone. */
  readonly keepAlive: (work: Promise<unknown>) => void;
}

interface Known<Value> {
  readonly value: Value;
  readonly until: number;
}

interface Search<Value> {
  readonly found: Promise<Value>;
  readonly began: number;
}

export class BriefMemory<Value> {
  readonly #ports: BriefMemoryPorts<Value>;
  #known: Known<Value> | null = null;
  #search: Search<Value> | null = null;

  constructor(ports: BriefMemoryPorts<Value>) {
    this.#ports = ports;
  }

  /** Rejects as the search does; the next call then begins another. */
  async get(): Promise<Value> {
    const { now, lostMs } = this.#ports;
    if (this.#known && now() < this.#known.until) return this.#known.value;
    const isUnderWay = this.#search !== null && now() - this.#search.began < lostMs;
    const search = this.#search && isUnderWay ? this.#search : this.#begin();
    if (await settlesWithin(search.found, lostMs)) return await search.found;
    return await this.get();
  }

  #begin(): Search<Value> {
    const { find, holdsMs, now, keepAlive } = this.#ports;
    const search: Search<Value> = { found: find(), began: now() };
    const settle = (known: Known<Value> | null) => {
      // An answer that was given up comes too late.
      if (this.#search !== search) return;
      this.#known = known;
      this.#search = null;
    };
    const remember = (value: Value) => settle({ value, until: now() + holdsMs });
    keepAlive(search.found.then(remember, () => settle(null)));
    return this.#search = search;
  }
}
