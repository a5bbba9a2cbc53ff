/** SQLite whose calls go through faults. */
import { createClient } from "@libsql/client";
import { drizzle } from "drizzle-orm/libsql";
import type { SqlDatabase } from "../../db/queries.ts";
import { passLibsqlCalls } from "../../edge/adapters/database_calls.ts";
import { openLibsqlDatabase } from "../../edge/adapters/libsql_database.ts";
import { CallFaults } from "./call_faults.ts";

export interface FailingDatabase {
  readonly database: SqlDatabase;
  readonly faults: CallFaults;
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
  const faults = new CallFaults();
  return {
    database: drizzle(passLibsqlCalls(client, (call) => faults.pass(call))),
    faults,
    execute: async (sql) => void await client.execute(sql),
    close: () => client.close(),
  };
}
