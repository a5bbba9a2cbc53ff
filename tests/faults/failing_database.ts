/** SQLite whose calls go through faults, under the guard that is shipped: its time is the test's. */
import { createClient } from "@libsql/client";
import { drizzle } from "drizzle-orm/libsql";
import type { SqlDatabase } from "../../db/result_queries.ts";
import { passLibsqlCalls } from "../../edge/platforms/database_calls.ts";
import { openLibsqlDatabase } from "../../edge/platforms/deno/libsql_database.ts";
import { DatabaseGuard } from "../../edge/platforms/database_guard.ts";
import { ManualClock } from "../../edge/fixtures/manual_clock.ts";
import { CallFaults } from "./call_faults.ts";

/** For one call, and for how long a silent database is left alone. */
export const CALL_MS = 5_000;

export interface FailingDatabase {
  readonly database: SqlDatabase;
  readonly faults: CallFaults;
  /** Goes on by as much as a call may take whenever one says nothing. */
  readonly clock: ManualClock;
  /** Past the faults. */
  execute(sql: string): Promise<void>;
  close(): void;
}

/** @param path of the file; it gets the tables where it lacks them */
export async function openFailingDatabase(path: string): Promise<FailingDatabase> {
  const url = `file:${path}`;
  (await openLibsqlDatabase(url)).close();
  // One connection, so that what is set on it holds for every call.
  const client = createClient({ url, concurrency: 1 });
  // No machine fails here, so nothing has to wait for the disk.
  await client.execute("PRAGMA synchronous = OFF");
  const clock = new ManualClock();
  // Behind whatever else is under way, which is no silence.
  const faults = new CallFaults(() => setTimeout(() => clock.elapse(CALL_MS)));
  const guard = new DatabaseGuard(CALL_MS, clock);
  const failing = passLibsqlCalls(client, (call) => faults.pass(call));
  return {
    database: drizzle(passLibsqlCalls(failing, (call) => guard.pass(call))),
    faults,
    clock,
    execute: async (sql) => void await client.execute(sql),
    close: () => client.close(),
  };
}
