/**
 * Who has asked for a run. An account that asked twice is one asker, but each of its sweeps is
 * another, since the account can give up one and want the other. Pure.
 */
import type { OnBehalfOf } from "./on_behalf_of.ts";

export type Asker = Pick<OnBehalfOf, "account" | "sweep">;

/** An asker, and whether it still wants the run: plain data that can be stored. */
export interface AskerState extends Asker {
  readonly wants: boolean;
}

export class RunAskers {
  #states: readonly AskerState[];

  constructor(states: readonly AskerState[] = []) {
    this.#states = states;
  }

  get states(): readonly AskerState[] {
    return this.#states;
  }

  /** Returns whether that changes anything. */
  add({ account, sweep }: Asker): boolean {
    const asker = { account, ...(sweep === undefined ? {} : { sweep }) };
    if (this.#states.some((one) => isSame(one, asker) && one.wants)) return false;
    this.#states = [...this.#states.filter((one) => !isSame(one, asker)), {
      ...asker,
      wants: true,
    }];
    return true;
  }

  /** Returns whether it has asked, though it may have left since. */
  has(asker: Asker): boolean {
    return this.#states.some((one) => isPartOf(one, asker));
  }

  /** Returns whether somebody else still wants the run. */
  isWantedWithout(asker: Asker): boolean {
    return this.#states.some((one) => one.wants && !isPartOf(one, asker));
  }

  leave(asker: Asker): void {
    this.#states = this.#states.map((one) => isPartOf(one, asker) ? { ...one, wants: false } : one);
  }
}

function isSame(a: Asker, b: Asker): boolean {
  return a.account === b.account && a.sweep === b.sweep;
}

/** An account that leaves by itself leaves for its sweeps as well. */
function isPartOf(one: Asker, { account, sweep }: Asker): boolean {
  return one.account === account && (sweep === undefined || one.sweep === sweep);
}
