/**
 * Gathers what accounts use for some seconds and writes it at once, after the replies, since a
 * cached answer must not cost a write. Counts that die with a process were for information only.
 */
import type { UsageCounts } from "../../contract/mod.ts";
import type { AccountDay, Usage } from "../../db/usage_queries.ts";
import { pause } from "../clock.ts";
import type { Log } from "../observability/log.ts";

export interface UsageMeterPorts {
  readonly usage: Pick<Usage, "add">;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly log: Log;
}

const GATHER_MS = 2_000;
/** A write put off for longer was lost with the request that it was to follow. */
const LOST_MS = 30_000;
/** All accounts without a key count together: the table must not know whose address it was. */
const ANONYMOUS = "anonymous";

export class UsageMeter {
  readonly #ports: UsageMeterPorts;
  #gathered = new Map<string, AccountDay>();
  /** Epoch milliseconds; null while no write is put off. */
  #putOffAt: number | null = null;
  #hurry = new AbortController();

  constructor(ports: UsageMeterPorts) {
    this.#ports = ports;
  }

  /** @param keepAlive that of the counted request: the write that it begins follows its reply */
  count(
    account: string,
    counts: Partial<UsageCounts>,
    keepAlive: (work: Promise<unknown>) => void,
  ): void {
    const now = this.#ports.now();
    this.#add(usageDay(account, counts, now));
    if (this.#putOffAt !== null && now - this.#putOffAt < LOST_MS) return;
    this.#putOffAt = now;
    this.#hurry = new AbortController();
    keepAlive(this.#writeLater(this.#hurry.signal));
  }

  /** Makes a write that is put off happen at once. */
  hurry(): void {
    this.#hurry.abort();
  }

  async #writeLater(signal: AbortSignal): Promise<void> {
    await pause(GATHER_MS, signal);
    this.#putOffAt = null;
    const rows = [...this.#gathered.values()];
    this.#gathered = new Map();
    try {
      await this.#ports.usage.add(rows);
    } catch (cause) {
      this.#ports.log({ level: "error", message: "Writing usage failed", cause });
    }
  }

  #add(row: AccountDay): void {
    const key = `${row.account} ${row.day}`;
    const known = this.#gathered.get(key);
    this.#gathered.set(key, known ? sumOf(known, row) : row);
  }
}

/** The part of a run's end that its account has to know. */
interface SpentRun {
  readonly submission: { readonly origin: { readonly account: string } };
  /** Evaluations. */
  readonly spent: number;
}

/**
 * Returns a listener for `RoomPorts.afterEnd`: a run costs enough to deserve a write of its own.
 */
export function countRun({ usage, now }: Omit<UsageMeterPorts, "log">) {
  return async ({ submission: { origin }, spent }: SpentRun): Promise<void> => {
    await usage.add([usageDay(origin.account, { evaluations: spent }, now())]);
  };
}

/** Returns an account's counts as a row of the current day. */
export function usageDay(
  account: string,
  counts: Partial<UsageCounts>,
  now: number,
): AccountDay {
  return {
    account: account.startsWith("key_") ? account : ANONYMOUS,
    day: dayOf(now),
    ...NOTHING,
    ...counts,
  };
}

/** Returns the day in UTC, `2026-11-25`. @param epochMs milliseconds */
export function dayOf(epochMs: number): string {
  return new Date(epochMs).toISOString().slice(0, 10);
}

const NOTHING: UsageCounts = { requests: 0, generations: 0, hits: 0, refused: 0, evaluations: 0 };

function sumOf(a: AccountDay, b: AccountDay): AccountDay {
  const { account, day } = a;
  return {
    account,
    day,
    requests: a.requests + b.requests,
    generations: a.generations + b.generations,
    hits: a.hits + b.hits,
    refused: a.refused + b.refused,
    evaluations: a.evaluations + b.evaluations,
  };
}
