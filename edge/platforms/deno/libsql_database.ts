/** SQLite through libSQL, with the migrations applied. */
import { createClient } from "@libsql/client";
import { drizzle } from "drizzle-orm/libsql";
import { migrate } from "drizzle-orm/libsql/migrator";
import { fileURLToPath } from "node:url";
import type { SqlDatabase } from "../../../db/result_queries.ts";
import { type Pass, passLibsqlCalls } from "../database_calls.ts";

const MIGRATIONS = fileURLToPath(new URL("../../../db/migrations", import.meta.url));

/**
 * How long a call waits for another process's write, such as a command line's; else a result would
 * not be stored. Waiting blocks this process, so it is short.
 */
const BUSY_MS = 1_000;

/**
 * @param url `file:<path>` or `:memory:`
 * @param pass wraps each call, once the tables are there
 */
export async function openLibsqlDatabase(
  url: string,
  pass: Pass = (call) => call(),
): Promise<{ database: SqlDatabase; close: () => void }> {
  const client = createClient({ url, timeout: BUSY_MS });
  await migrate(drizzle(client), { migrationsFolder: MIGRATIONS });
  return { database: drizzle(passLibsqlCalls(client, pass)), close: () => client.close() };
}
