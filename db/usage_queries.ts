/** The queries on usage, for D1 and for SQLite. */
import { and, desc, eq, gte, sql } from "drizzle-orm";
import type { UsageDay } from "../contract/mod.ts";
import type { SqlDatabase } from "./result_queries.ts";
import { usage } from "./schema.ts";

export interface AccountDay extends UsageDay {
  readonly account: string;
}

/** Every method rejects when the database fails. */
export interface Usage {
  /** Adds to the stored counts, all rows or none. */
  add(rows: readonly AccountDay[]): Promise<void>;
  /** Lists the newest day first. */
  days(account: string, since: string): Promise<readonly UsageDay[]>;
}

export function createUsage(database: SqlDatabase): Usage {
  return {
    async add(rows) {
      const [first, ...rest] = rows.map((row) => addRow(database, row));
      if (first) await database.batch([first, ...rest]);
    },
    days(account, since) {
      const { day, requests, generations, hits, refused, evaluations } = usage;
      return database.select({ day, requests, generations, hits, refused, evaluations })
        .from(usage).where(and(eq(usage.account, account), gte(day, since))).orderBy(desc(day));
    },
  };
}

function addRow(database: SqlDatabase, row: AccountDay) {
  const { requests, generations, hits, refused, evaluations } = usage;
  return database.insert(usage).values(row).onConflictDoUpdate({
    target: [usage.account, usage.day],
    set: {
      requests: sql`${requests} + ${row.requests}`,
      generations: sql`${generations} + ${row.generations}`,
      hits: sql`${hits} + ${row.hits}`,
      refused: sql`${refused} + ${row.refused}`,
      evaluations: sql`${evaluations} + ${row.evaluations}`,
    },
  });
}
