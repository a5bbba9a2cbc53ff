/** The calls that are owed to clients: promised with a request, due when its subject has ended. */
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
  /** Attempts begun, with the one under way. */
  readonly attempts: number;
}

/** Every method rejects when the database fails. Times are epoch milliseconds. */
export interface WebhookDeliveries {
  /** Promises a call; the same id again is the same promise. @returns whether it is the first */
  promise(call: PromisedCall, now: number): Promise<boolean>;
  /** Deletes a promise whose request was refused; one that is due stays. */
  withdraw(id: string): Promise<void>;
  /** Makes every call that waits for the subject due. @returns their ids */
  settle(subject: string, payload: string, now: number): Promise<readonly string[]>;
  /** Returns the ids of the calls whose time has come, the longest overdue first. */
  due(now: number, limit: number): Promise<readonly string[]>;
  /** Takes a call for one attempt, until the lease ends. Null where it is taken, or over. */
  claim(id: string, now: number, leaseMs: number): Promise<DueCall | null>;
  delivered(id: string): Promise<void>;
  giveUp(id: string): Promise<void>;
  retry(id: string, at: number): Promise<void>;
  /** Returns the subjects that calls from before the time wait for, the oldest first. */
  waiting(before: number, limit: number): Promise<readonly string[]>;
  /** Deletes calls from before the time that are over, and gives up the others from before it. */
  expire(before: number): Promise<void>;
}

const table = webhook_deliveries;
const OVER = ["delivered", "given_up"] as const;
/** A call that is over keeps nothing of the client's except its address. */
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

/** One of many concurrent callers gets the row: the lease hides it from the others. */
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
