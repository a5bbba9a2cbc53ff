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

  /** Returns whether `get` would begin no search. */
  get isAtHand(): boolean {
    return this.#fresh !== null || this.#underWay !== null;
  }

  /** Rejects as the search does; the next call then begins another. */
  async get(): Promise<Value> {
    if (this.#fresh) return this.#fresh.value;
    const search = this.#underWay ?? this.#begin();
    if (await settlesWithin(search.found, this.#ports.lostMs)) return await search.found;
    return await this.get();
  }

  get #fresh(): Known<Value> | null {
    return this.#known && this.#ports.now() < this.#known.until ? this.#known : null;
  }

  get #underWay(): Search<Value> | null {
    const { now, lostMs } = this.#ports;
    return this.#search && now() - this.#search.began < lostMs ? this.#search : null;
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
