/** The queries on API keys, for D1 and for SQLite. */
import { desc, eq, isNull, sql } from "drizzle-orm";
import type { SqlDatabase } from "./result_queries.ts";
import type { AccountLimits } from "../contract/mod.ts";
import { api_keys } from "./schema.ts";

export interface StoredKey {
  /** `key_` and 16 hex digits. */
  readonly id: string;
  readonly name: string;
  readonly salt: string;
  readonly hash: string;
  /** The limits that differ from those of the tier. */
  readonly limits: Partial<AccountLimits> | null;
  /** Epoch milliseconds. */
  readonly created_at: number;
  readonly revoked_at: number | null;
}

/** Every method rejects when the database fails. */
export interface Keys {
  find(id: string): Promise<StoredKey | null>;
  /** Returns the ids of the keys that are not revoked, of the newest where they are too many. */
  ids(): Promise<readonly string[]>;
}

/** Bounds the memory that the ids of all keys take: some megabytes. */
const IDS_MAX = 50_000;

export function createKeys(database: SqlDatabase): Keys {
  return {
    async find(id) {
      const [row] = await database.select().from(api_keys).where(eq(api_keys.id, id)).limit(1);
      return row ?? null;
    },
    async ids() {
      const rows = await database.select({ id: api_keys.id }).from(api_keys)
        .where(isNull(api_keys.revoked_at)).orderBy(desc(api_keys.created_at)).limit(IDS_MAX);
      return rows.map(({ id }) => id);
    },
  };
}

type Statements = Pick<SqlDatabase, "select" | "insert" | "update">;

/** The command line's queries on keys. They are statements, since it may print them instead. */
export const keyStatements = {
  create: (database: Statements, key: StoredKey) => database.insert(api_keys).values(key),
  list: (database: Statements) =>
    database.select({
      id: api_keys.id,
      name: api_keys.name,
      limits: api_keys.limits,
      created_at: api_keys.created_at,
      revoked_at: api_keys.revoked_at,
    }).from(api_keys).orderBy(desc(api_keys.created_at)),
  /** Keeps the first revocation. Returns the key where there is one. */
  revoke: (database: Statements, id: string, now: number) =>
    database.update(api_keys)
      .set({ revoked_at: sql`coalesce(${api_keys.revoked_at}, ${now})` })
      .where(eq(api_keys.id, id))
      .returning({ id: api_keys.id, name: api_keys.name }),
};
