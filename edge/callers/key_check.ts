/** Checks an `Authorization` header against the stored keys. */
import {
  accept,
  type AccountLimits,
  createProblem,
  type Parsed,
  type Problem,
  refuse,
} from "../../contract/mod.ts";
import type { Keys, StoredKey } from "../../db/key_queries.ts";
import { BoundedMap } from "../bounded_map.ts";
import { BriefMemory } from "../brief_memory.ts";
import type { Caller } from "./caller.ts";
import type { Log } from "../observability/log.ts";
import { parseApiKey, provesSecret } from "./api_key.ts";

/** An attempt to show a key, which counts as a wrong one until it has ended. */
export interface KeyAttempt {
  /** 0, or where its address has shown too many wrong keys, how long until it may show another. */
  readonly waitSeconds: number;
  end(wasWrong: boolean): Promise<void>;
}

export interface WrongKeys {
  /** @param source the client's address, or another name for where it is */
  begin(source: string): Promise<KeyAttempt>;
}

export interface KeyCheckPorts {
  readonly keys: Keys;
  /** Limits for a key that has none of its own. */
  readonly limits: AccountLimits;
  readonly wrongKeys: WrongKeys;
  readonly now: () => number;
  readonly log: Log;
  /** Lets a query go on though the request that began it has gone. */
  readonly keepAlive: (work: Promise<unknown>) => void;
}

/** A revoked key may live on for this long, and a failing database go unnoticed. */
const REMEMBERED_MS = 5_000;
/** Bounds the memory that guessed ids can fill. */
const REMEMBERED_MAX = 1_000;
const LOST_MS = 10_000;

type StoredMemory = BriefMemory<StoredKey | null>;

/**
 * One for each process or isolate: it remembers keys for a few seconds, so that hits cost no query.
 */
export class KeyCheck {
  readonly #ports: KeyCheckPorts;
  readonly #found = new BoundedMap<string, StoredMemory>(REMEMBERED_MAX);
  /** Apart, so that guesses do not make the edge forget the keys that are right. */
  readonly #missed = new BoundedMap<string, StoredMemory>(REMEMBERED_MAX);
  readonly #ids: BriefMemory<ReadonlySet<string>>;

  constructor(ports: KeyCheckPorts) {
    this.#ports = ports;
    this.#ids = this.#memoryOf(async () => new Set(await ports.keys.ids()));
  }

  /**
   * Refuses a wrong key, rather than serve its caller as if without one. Too many of them are
   * refused by the rate, while a right key of the same source still passes.
   */
  async check(header: string, source: string): Promise<Parsed<Caller>> {
    const attempt = await this.#ports.wrongKeys.begin(source);
    const { waitSeconds } = attempt;
    const checked = await this.#prove(header, waitSeconds > 0);
    const isWrong = !checked.ok && checked.problem.code === "unauthorized";
    await attempt.end(isWrong);
    return isWrong && waitSeconds > 0 ? refuse(tooMany(waitSeconds)) : checked;
  }

  async #prove(header: string, isSuspect: boolean): Promise<Parsed<Caller>> {
    const [, text = ""] = /^bearer +(\S+)$/i.exec(header.trim()) ?? [];
    const key = parseApiKey(text);
    if (!key) {
      // The value may be a secret of another service, so it is not repeated.
      const detail = "Authorization must be Bearer and an API key (sf_…), given something else";
      return refuse(createProblem("unauthorized", detail));
    }
    const stored = await this.#find(key.id, isSuspect);
    if (!stored.ok) return stored;
    const isProven = await provesSecret(stored.value, key.secret);
    if (!isProven || !stored.value || stored.value.revoked_at !== null) {
      const detail = "The API key must be one that was created and not revoked, given another";
      return refuse(createProblem("unauthorized", detail));
    }
    const limits = { ...this.#ports.limits, ...stored.value.limits };
    return accept({ account: key.id, keyed: true, limits });
  }

  async #find(id: string, isSuspect: boolean): Promise<Parsed<StoredKey | null>> {
    try {
      // Of a source that guesses, only ids that exist are worth a query of their own.
      const isWorthIt = !isSuspect || this.#recall(id)?.isAtHand || (await this.#ids.get()).has(id);
      return accept(isWorthIt ? await this.#ask(id) : null);
    } catch (cause) {
      this.#ports.log({ level: "error", message: "Reading a key failed", cause });
      const detail = "The database is not available, so the API key cannot be checked; " +
        "requests without one go on";
      return refuse(createProblem("storage_unavailable", detail));
    }
  }

  async #ask(id: string): Promise<StoredKey | null> {
    const known = this.#recall(id);
    const memory = known ?? this.#memoryOf(() => this.#ports.keys.find(id));
    if (!known) this.#missed.set(id, memory);
    const stored = await memory.get();
    const [to, from] = stored ? [this.#found, this.#missed] : [this.#missed, this.#found];
    if (!to.get(id)) to.set(id, memory);
    from.delete(id);
    return stored;
  }

  #recall(id: string): StoredMemory | undefined {
    return this.#found.get(id) ?? this.#missed.get(id);
  }

  #memoryOf<Value>(find: () => Promise<Value>): BriefMemory<Value> {
    const { now, keepAlive } = this.#ports;
    return new BriefMemory({ find, holdsMs: REMEMBERED_MS, lostMs: LOST_MS, now, keepAlive });
  }
}

function tooMany(waitSeconds: number): Problem {
  const detail = "Wrong API keys of one address must be few, given too many within a minute; " +
    `ask again in ${waitSeconds} seconds, or with a right key at once`;
  return { ...createProblem("rate_limited", detail), retry_after: waitSeconds };
}
