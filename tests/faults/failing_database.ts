/** SQLite whose calls go through faults, under the shipped guard with the test's clock. */
import type { SqlDatabase } from "../../db/result_queries.ts";
import { openSqliteDatabase } from "../../db/sqlite/sqlite_database.ts";
import { DatabaseGuard } from "../../edge/platforms/database_guard.ts";
import { ManualClock } from "../../edge/fixtures/manual_clock.ts";
import { CallFaults } from "./call_faults.ts";

/** The time for one call, and the time for which a silent database is left alone. */
export const CALL_MS = 5_000;

export interface FailingDatabase {
  readonly database: SqlDatabase;
  readonly faults: CallFaults;
  /** Advances by `CALL_MS` whenever a call gets no reply. */
  readonly clock: ManualClock;
  /** Executes a statement without faults. */
  execute(sql: string): void;
  close(): void;
}

/** @param path of the file, which gets the tables that it lacks */
export async function openFailingDatabase(path: string): Promise<FailingDatabase> {
  const clock = new ManualClock();
  // The clock advances after everything else under way, which is no silence.
  const faults = new CallFaults(() => setTimeout(() => clock.elapse(CALL_MS)));
  const guard = new DatabaseGuard(CALL_MS, clock);
  const { database, execute, close } = await openSqliteDatabase(
    path,
    (call) => guard.pass(() => faults.pass(call)),
  );
  // Tests lose no power, so nothing has to wait for the disk.
  execute("PRAGMA synchronous = OFF");
  return { database, faults, clock, execute, close };
}
