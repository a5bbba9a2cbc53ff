/** The queries on sweeps, for D1 and for SQLite. */
import { eq, sql } from "drizzle-orm";
import type { SweepAxis, SweepOutcome, SweepPlannedEvaluations } from "../contract/mod.ts";
import {
  type BranchEvent,
  generations,
  type SqlDatabase,
  type StoredBranch,
  sweeps,
} from "./schema.ts";

export type { BranchEvent, StoredBranch } from "./schema.ts";

/** A sweep without its generations, which are stored under their own keys. */
export interface StoredSweep {
  readonly id: string;
  readonly axis: SweepAxis;
  readonly branches: readonly StoredBranch[];
  readonly planned: SweepPlannedEvaluations;
  readonly event_order: readonly BranchEvent[];
  readonly outcome: SweepOutcome;
}

/** Finished sweeps by id. Every method rejects when the database fails. */
export interface Sweeps {
  find(id: string): Promise<StoredSweep | null>;
  /** Counts hits, one by default, for the sweep and for each of its generations. */
  touch(id: string, now: number, hits?: number): Promise<void>;
  /** Replaces an earlier sweep of the same id, whose hits and age stay. */
  write(sweep: StoredSweep, now: number): Promise<void>;
}

export function createSweeps(database: SqlDatabase): Sweeps {
  return {
    async find(id) {
      const { axis, branches, planned, event_order, outcome } = sweeps;
      const [row] = await database
        .select({ id: sweeps.id, axis, branches, planned, event_order, outcome })
        .from(sweeps).where(eq(sweeps.id, id)).limit(1);
      return row ?? null;
    },
    async touch(id, now, hits = 1) {
      // Touching a sweep touches its generations: trimming any of them would remove the sweep.
      const branches = sql`(SELECT json_extract(branch.value, '$.id')
        FROM ${sweeps}, json_each(${sweeps.branches}) AS branch WHERE ${sweeps.id} = ${id})`;
      await database.batch([
        database.update(sweeps)
          .set({ hits: sql`${sweeps.hits} + ${hits}`, last_used_at: now })
          .where(eq(sweeps.id, id)),
        database.update(generations).set({ last_used_at: now })
          .where(sql`${generations.id} IN ${branches}`),
      ]);
    },
    async write(sweep, now) {
      await database.insert(sweeps)
        .values({ ...sweep, created_at: now, last_used_at: now })
        .onConflictDoUpdate({ target: sweeps.id, set: { ...sweep, last_used_at: now } });
    },
  };
}
