/** Checks an `Authorization` header against the stored keys. */
import {
  accept,
  type AccountLimits,
  createProblem,
  type Parsed,
  refuse,
} from "../../contract/mod.ts";
import type { Keys, StoredKey } from "../../db/key_queries.ts";
import { BoundedMap } from "../bounded_map.ts";
import type { Caller } from "./caller.ts";
import type { Log } from "../observability/log.ts";
import { parseApiKey, provesSecret } from "./api_key.ts";

export interface KeyCheckPorts {
  readonly keys: Keys;
  /** Limits for a key that has none of its own. */
  readonly limits: AccountLimits;
  readonly now: () => number;
  readonly log: Log;
}

/** A revoked key may live on for this long, and a failing database go unnoticed. */
const REMEMBERED_MS = 5_000;
/** Bounds the memory that guessed ids can fill. */
const REMEMBERED_MAX = 1_000;

interface Remembered {
  /** Null where there is no such key. */
  readonly stored: StoredKey | null;
  readonly until: number;
}

/**
 * One for each process or isolate: it remembers keys for a few seconds, so that hits cost no query.
 */
export class KeyCheck {
  readonly #ports: KeyCheckPorts;
  readonly #remembered = new BoundedMap<string, Remembered>(REMEMBERED_MAX);

  constructor(ports: KeyCheckPorts) {
    this.#ports = ports;
  }

  /** Refuses a wrong key, rather than serve its caller as if without one. */
  async check(header: string): Promise<Parsed<Caller>> {
    const [, text = ""] = /^bearer +(\S+)$/i.exec(header.trim()) ?? [];
    const key = parseApiKey(text);
    if (!key) {
      // The value may be a secret of another service, so it is not repeated.
      const detail = "Authorization must be Bearer and an API key (sf_…), given something else";
      return refuse(createProblem("unauthorized", detail));
    }
    const stored = await this.#find(key.id);
    if (!stored.ok) return stored;
    const isProven = await provesSecret(stored.value, key.secret);
    if (!isProven || !stored.value || stored.value.revoked_at !== null) {
      const detail = "The API key must be one that was created and not revoked, given another";
      return refuse(createProblem("unauthorized", detail));
    }
    const limits = { ...this.#ports.limits, ...stored.value.limits };
    return accept({ account: key.id, keyed: true, limits });
  }

  async #find(id: string): Promise<Parsed<StoredKey | null>> {
    const now = this.#ports.now();
    const known = this.#remembered.get(id);
    if (known && now < known.until) return accept(known.stored);
    this.#remembered.delete(id);
    try {
      const stored = await this.#ports.keys.find(id);
      this.#remembered.set(id, { stored, until: now + REMEMBERED_MS });
      return accept(stored);
    } catch (cause) {
      this.#ports.log({ level: "error", message: "Reading a key failed", cause });
      const detail = "The database is not available, so the API key cannot be checked; " +
        "requests without one go on";
      return refuse(createProblem("storage_unavailable", detail));
    }
  }
}
