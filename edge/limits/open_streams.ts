/**
 * Counts the streams that are open, of each account and in all: each holds memory and a connection
 * as long as its reader likes. Counted in this process, which on workerd is one isolate of many.
 */
import { accept, createProblem, type Parsed, refuse } from "../../contract/mod.ts";

export interface StreamPlace {
  /** Says that its reader is still there. */
  renew(): void;
  leave(): void;
}

interface Open {
  readonly account: string;
  /** Epoch milliseconds at which its reader was last seen. */
  seenAt: number;
}

export interface StreamPorts {
  /** Streams of all accounts. */
  readonly max: number;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/**
 * A reader is seen with every heartbeat, and sent away when it takes nothing for five minutes. So
 * one that was not seen for longer has gone without a word.
 */
export const UNSEEN_MS = 6 * 60_000;
/** For each generation that an account may run at a time; a page has one or two. */
const STREAMS_PER_GENERATION = 16;
const RETRY_SECONDS = 5;

export class OpenStreams {
  readonly #ports: StreamPorts;
  readonly #open = new Set<Open>();
  readonly #counts = new Map<string, number>();

  constructor(ports: StreamPorts) {
    this.#ports = ports;
  }

  get count(): number {
    return this.#open.size;
  }

  /** @param concurrent generations that the account may run at a time */
  enter(account: string, concurrent: number): Parsed<StreamPlace> {
    const ofAccount = concurrent * STREAMS_PER_GENERATION;
    const isFull = () => this.#open.size >= this.#ports.max || this.#of(account) >= ofAccount;
    if (isFull()) this.#forgetUnseen();
    if (this.#of(account) >= ofAccount) return refuse(tooMany(ofAccount, "of one account"));
    if (isFull()) return refuse(tooMany(this.#ports.max, "of all accounts"));
    const open = { account, seenAt: this.#ports.now() };
    this.#open.add(open);
    this.#counts.set(account, this.#of(account) + 1);
    return accept({
      renew: () => open.seenAt = this.#ports.now(),
      leave: () => this.#leave(open),
    });
  }

  #of(account: string): number {
    return this.#counts.get(account) ?? 0;
  }

  #leave(open: Open): void {
    if (!this.#open.delete(open)) return;
    const left = this.#of(open.account) - 1;
    if (left > 0) this.#counts.set(open.account, left);
    else this.#counts.delete(open.account);
  }

  #forgetUnseen(): void {
    const before = this.#ports.now() - UNSEEN_MS;
    for (const open of this.#open) if (open.seenAt < before) this.#leave(open);
  }
}

function tooMany(max: number, whose: string) {
  const detail = `Open streams ${whose} must be at most ${max}, given one more; close one, or ` +
    `ask again in ${RETRY_SECONDS} seconds`;
  return { ...createProblem("rate_limited", detail), retry_after: RETRY_SECONDS };
}
