/** Calls that are owed to clients: promised with a request, due when its subject has ended. */
import { and, asc, eq, inArray, lt, lte, notInArray, sql } from "drizzle-orm";
import type { SqlDatabase } from "./result_queries.ts";
import { webhook_deliveries } from "./schema.ts";

export interface PromisedCall {
  /** The message's id, the same over all attempts. */
  readonly id: string;
  /** Address of the generation or sweep, such as `/v1/generations/…`. */
  readonly subject: string;
  readonly account: string;
  readonly url: string;
}

export interface DueCall extends PromisedCall {
  /** JSON. */
  readonly payload: string;
  /** Those begun, the one under way included. */
  readonly attempts: number;
}

/** Every method rejects when the database fails. Times are epoch milliseconds. */
export interface WebhookDeliveries {
  /** A promise made twice under one id is one. @returns whether it is the first */
  promise(call: PromisedCall, now: number): Promise<boolean>;
  /** Takes a promise back that was made for nothing; one that is due stays. */
  withdraw(id: string): Promise<void>;
  /** Makes all that wait for the subject due. @returns their ids */
  settle(subject: string, payload: string, now: number): Promise<readonly string[]>;
  /** Ids of the calls whose time has come, the longest overdue first. */
  due(now: number, limit: number): Promise<readonly string[]>;
  /** Takes a call for one attempt, until the lease ends. Null where another has it, or it is over. */
  claim(id: string, now: number, leaseMs: number): Promise<DueCall | null>;
  delivered(id: string): Promise<void>;
  giveUp(id: string): Promise<void>;
  retry(id: string, at: number): Promise<void>;
  /** Subjects waited for since before the time, the oldest first. */
  waiting(before: number, limit: number): Promise<readonly string[]>;
  /** Forgets calls from before the time that are over, and gives the others from before it up. */
  expire(before: number): Promise<void>;
}

const table = webhook_deliveries;
const OVER = ["delivered", "given_up"] as const;
/** Nothing of the client's stays in a call that is over but its address. */
const DONE = { payload: null, next_attempt_at: null };

export function createWebhookDeliveries(database: SqlDatabase): WebhookDeliveries {
  const conclude = async (id: string, state: (typeof OVER)[number]) => {
    await database.update(table).set({ ...DONE, state }).where(eq(table.id, id));
  };
  return {
    async promise(call, now) {
      const made = await database.insert(table)
        .values({ ...call, state: "waiting", created_at: now })
        .onConflictDoNothing().returning({ id: table.id });
      return made.length > 0;
    },
    async withdraw(id) {
      await database.delete(table).where(and(eq(table.id, id), eq(table.state, "waiting")));
    },
    async settle(subject, payload, now) {
      const settled = await database.update(table)
        .set({ payload, state: "due", next_attempt_at: now })
        .where(and(eq(table.subject, subject), eq(table.state, "waiting")))
        .returning({ id: table.id });
      return settled.map(({ id }) => id);
    },
    async due(now, limit) {
      const rows = await database.select({ id: table.id }).from(table)
        .where(and(lte(table.next_attempt_at, now), eq(table.state, "due")))
        .orderBy(asc(table.next_attempt_at)).limit(limit);
      return rows.map(({ id }) => id);
    },
    claim: (id, now, leaseMs) => claimCall(database, { id, now, leaseMs }),
    delivered: (id) => conclude(id, "delivered"),
    giveUp: (id) => conclude(id, "given_up"),
    async retry(id, at) {
      await database.update(table).set({ next_attempt_at: at })
        .where(and(eq(table.id, id), eq(table.state, "due")));
    },
    async waiting(before, limit) {
      const rows = await database.selectDistinct({ subject: table.subject }).from(table)
        .where(and(eq(table.state, "waiting"), lt(table.created_at, before)))
        .orderBy(asc(table.created_at)).limit(limit);
      return rows.map(({ subject }) => subject);
    },
    async expire(before) {
      await database.batch([
        database.delete(table).where(and(inArray(table.state, OVER), lt(table.created_at, before))),
        database.update(table).set({ ...DONE, state: "given_up" })
          .where(and(notInArray(table.state, [...OVER]), lt(table.created_at, before))),
      ]);
    },
  };
}

/** Of many that try at once one gets the row: the lease puts it out of the others' reach. */
async function claimCall(
  database: SqlDatabase,
  { id, now, leaseMs }: { readonly id: string; readonly now: number; readonly leaseMs: number },
): Promise<DueCall | null> {
  const isDue = and(eq(table.state, "due"), lte(table.next_attempt_at, now));
  const [row] = await database.update(table)
    .set({ attempts: sql`${table.attempts} + 1`, next_attempt_at: now + leaseMs })
    .where(and(eq(table.id, id), isDue))
    .returning();
  if (!row || row.payload === null) return null;
  const { subject, account, url, payload, attempts } = row;
  return { id, subject, account, url, payload, attempts };
}
