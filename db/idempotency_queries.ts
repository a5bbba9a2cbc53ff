/** The queries on what was promised under an `Idempotency-Key`, by account. */
import { and, eq, isNull, lte, sql } from "drizzle-orm";
import type { SqlDatabase } from "./result_queries.ts";
import { idempotency_keys } from "./schema.ts";

/** A key is remembered for this long. */
export const IDEMPOTENCY_MS = 24 * 60 * 60_000;

/** Keys of one account that are remembered at a time: some 17 MB, where each has a refusal. */
export const KEYS_MAX = 10_000;

export interface KeyOwner {
  readonly account: string;
  readonly key: string;
}

export interface KeyClaim extends KeyOwner {
  /** SHA-256 of method, path and body, hex. */
  readonly fingerprint: string;
  /** The seed for a request that leaves it out. */
  readonly seed: number;
  /** Epoch milliseconds. */
  readonly now: number;
}

export interface RememberedKey {
  readonly fingerprint: string;
  readonly seed: number;
  /** The refusal that a repetition gets again; null without one. */
  readonly refusal: { readonly status: number; readonly body: string } | null;
  /** The resource that the request led to; null before it is known. */
  readonly location: string | null;
  /** Epoch milliseconds. */
  readonly created_at: number;
}

export interface Claimed {
  readonly first: boolean;
  readonly remembered: RememberedKey;
}

/** Every method rejects when the database fails. */
export interface IdempotencyKeys {
  /**
   * Remembers the request unless the key has one, and returns what the key has. The database
   * decides which claim is first. Null where the key is new and the account has `KEYS_MAX` already.
   */
  claim(claim: KeyClaim): Promise<Claimed | null>;
  /** Keeps the first location of a key; later ones are ignored. */
  keepLocation(owner: KeyOwner, location: string): Promise<void>;
  keepRefusal(owner: KeyOwner, refusal: { status: number; body: string }): Promise<void>;
  /** Forgets what is older than `IDEMPOTENCY_MS`. */
  expire(now: number): Promise<void>;
}

/** @param keysMax of one account */
export function createIdempotencyKeys(
  database: SqlDatabase,
  keysMax = KEYS_MAX,
): IdempotencyKeys {
  return {
    claim: (claim) => claimKey(database, claim, keysMax),
    async keepLocation(owner, location) {
      await database.update(idempotency_keys).set({ location })
        .where(and(ofOwner(owner), isNull(idempotency_keys.location)));
    },
    async keepRefusal(owner, { status, body }) {
      await database.update(idempotency_keys).set({ status, body }).where(ofOwner(owner));
    },
    async expire(now) {
      await database.delete(idempotency_keys).where(isOld(now));
    },
  };
}

/** One transaction: an expired row gives way, then at most one of many callers inserts. */
async function claimKey(
  database: SqlDatabase,
  { now, ...claim }: KeyClaim,
  keysMax: number,
): Promise<Claimed | null> {
  const ofKey = ofOwner(claim);
  const [, inserted, [row]] = await database.batch([
    database.delete(idempotency_keys).where(and(ofKey, isOld(now))),
    insertKey(database, { ...claim, now }, keysMax),
    database.select().from(idempotency_keys).where(ofKey),
  ]);
  if (!row) return null;
  const { fingerprint, seed, status, body, location, created_at } = row;
  const refusal = status === null || body === null ? null : { status, body };
  const remembered = { fingerprint, seed: seed ?? claim.seed, refusal, location, created_at };
  return { first: inserted.length > 0, remembered };
}

/** Counts in the statement that inserts, so that no two claims pass the bound together. */
function insertKey(
  database: SqlDatabase,
  { account, key, fingerprint, seed, now }: KeyClaim,
  keysMax: number,
) {
  const { account: accounts } = idempotency_keys;
  return database.insert(idempotency_keys).select(
    sql`SELECT ${account}, ${key}, ${fingerprint}, ${seed}, NULL, NULL, NULL, ${now}
      WHERE (SELECT count(*) FROM ${idempotency_keys} WHERE ${accounts} = ${account}) < ${keysMax}`,
  ).onConflictDoNothing().returning({ key: idempotency_keys.key });
}

function ofOwner({ account, key }: KeyOwner) {
  return and(eq(idempotency_keys.account, account), eq(idempotency_keys.key, key));
}

function isOld(now: number) {
  return lte(idempotency_keys.created_at, now - IDEMPOTENCY_MS);
}
