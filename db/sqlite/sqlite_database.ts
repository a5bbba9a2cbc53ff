/** SQLite through the driver that is built into Deno, with the migrations applied. */
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { drizzle } from "drizzle-orm/sqlite-proxy";
import { migrate } from "drizzle-orm/sqlite-proxy/migrator";
import type { SqlDatabase } from "../schema.ts";
import { damageOf, failureOfCall, failureToOpen } from "./database_failure.ts";
import { KeptStatements } from "./kept_statements.ts";

const MIGRATIONS = fileURLToPath(new URL("../migrations", import.meta.url));

/**
 * How long a call waits for another process's write, such as a command line's; else a result would
 * not be stored. Waiting blocks this process, so it is short.
 */
const BUSY_MS = 1_000;

/** Larger files are not read through at the start: what is damaged in them shows when it is read. */
const CHECKED_BYTES_MAX = 1024 ** 3;

/** Sends each call through a function, such as one that ends it in time. */
export type Pass = <T>(call: () => Promise<T>) => Promise<T>;

export interface OpenDatabase {
  readonly database: SqlDatabase;
  /** Executes statements that have no values, beside `pass`. */
  execute(sql: string): void;
  close(): void;
}

interface Statement {
  readonly sql: string;
  readonly params: Parameters<KeptStatements["execute"]>[1];
  readonly method: "run" | "all" | "values" | "get";
}

/**
 * @param path of a file, or `:memory:`
 * @param pass wraps each call, once the tables are there
 * @throws DatabaseFailure for a file that is damaged, or cannot be opened
 */
export async function openSqliteDatabase(
  path: string,
  pass: Pass = (call) => call(),
): Promise<OpenDatabase> {
  const connection = openFile(path);
  try {
    prepareConnection(connection, path);
    const calls = createCalls(connection, path);
    const atOnce = (queries: string[]) => Promise.resolve(migrateAtOnce(connection, queries));
    await migrate(databaseOver(calls, (call) => call()), atOnce, { migrationsFolder: MIGRATIONS });
    return {
      database: databaseOver(calls, pass),
      execute: (sql) => connection.exec(sql),
      close: () => connection.close(),
    };
  } catch (cause) {
    connection.close();
    throw failureToOpen(path, cause);
  }
}

function openFile(path: string): DatabaseSync {
  try {
    return new DatabaseSync(path);
  } catch (cause) {
    throw failureToOpen(path, cause);
  }
}

function prepareConnection(connection: DatabaseSync, path: string): void {
  // A damaged page is refused as it is read, before its content can mislead.
  connection.exec(`PRAGMA busy_timeout = ${BUSY_MS}; PRAGMA cell_size_check = ON`);
  const size = connection.prepare(
    "SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size",
  ).get();
  if (Number(size?.["bytes"]) > CHECKED_BYTES_MAX) return;
  const finding = String(connection.prepare("PRAGMA quick_check(1)").get()?.["quick_check"]);
  if (finding !== "ok") throw damageOf(path, finding);
}

/** A migration is there with all its statements or not at all. */
function migrateAtOnce(connection: DatabaseSync, queries: readonly string[]): void {
  if (queries.length === 0) return;
  inTransaction(connection, () => queries.forEach((query) => connection.exec(query)));
}

type Calls = ReturnType<typeof createCalls>;

function createCalls(connection: DatabaseSync, path: string) {
  const statements = new KeptStatements(connection);
  const execute = ({ sql, params, method }: Statement) => {
    // Drizzle wants no array then, which its types do not allow; nobody asks for it.
    if (method === "get") throw new TypeError("Queries ask for all their rows, never for one");
    return { rows: [...statements.execute(sql, params)] };
  };
  const described = <T>(work: () => T): T => {
    try {
      return work();
    } catch (cause) {
      throw failureOfCall(path, cause);
    }
  };
  return {
    execute: (statement: Statement) => described(() => execute(statement)),
    batch: (batch: readonly Statement[]) =>
      described(() => inTransaction(connection, () => batch.map(execute))),
  };
}

/** Nothing else comes between, since SQLite works within this call. */
function inTransaction<T>(connection: DatabaseSync, work: () => T): T {
  connection.exec("BEGIN");
  try {
    const value = work();
    connection.exec("COMMIT");
    return value;
  } catch (cause) {
    // A full disk or a damaged page may have ended it already.
    if (connection.isTransaction) connection.exec("ROLLBACK");
    throw cause;
  }
}

function databaseOver(calls: Calls, pass: Pass) {
  return drizzle(
    (sql, params, method) => pass(async () => await calls.execute({ sql, params, method })),
    (batch) => pass(async () => await calls.batch(batch)),
  );
}
