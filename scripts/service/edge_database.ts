/** Runs one statement on the edge's database: the local D1 or a SQLite file; or prints it. */
import { drizzle } from "drizzle-orm/sqlite-proxy";
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import type { SqlDatabase } from "../../db/result_queries.ts";
import { DatabaseFailure } from "../../db/sqlite/database_failure.ts";
import { openSqliteDatabase } from "../../db/sqlite/sqlite_database.ts";
import { CommandFailure, UsageError } from "../command_line/command_line.ts";
import { inlineParameters, openLocalD1 } from "./local_d1.ts";

export const DATABASE_FLAGS = {
  data: { type: "string" },
  database: { type: "string" },
  remote: { type: "boolean" },
} as const;

export const DATABASE_HELP =
  `  --data DIR        the folder whose local D1 it is (default .data; also DATA_DIR)
  --database FILE   a SQLite file instead: shapefirst.sqlite in the data folder of start:deno
  --remote          does nothing but print the statement, for the deployed D1:
                    npx wrangler d1 execute DB --remote --config edge/wrangler.jsonc --command "…"`;

/** The database that the flags choose. */
export interface DatabaseChoice {
  readonly data?: string | undefined;
  readonly database?: string | undefined;
  readonly remote?: boolean | undefined;
}

export interface CommandWorld {
  readonly say: (line: string) => void;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly environment: (name: string) => string | undefined;
}

/** The world of this process. */
export const COMMAND_WORLD: CommandWorld = {
  say: (line) => console.log(line),
  now: () => Date.now(),
  environment: (name) => Deno.env.get(name),
};

export type Statements = Pick<SqlDatabase, "select" | "insert" | "update" | "delete">;

interface Statement<Result> extends PromiseLike<Result> {
  toSQL(): { readonly sql: string; readonly params: readonly unknown[] };
}

/** Returns the statement's result, or null where it was printed instead. */
export async function runStatement<Result>(
  { remote, database: file, data }: DatabaseChoice,
  { say, environment }: CommandWorld,
  build: (database: Statements) => Statement<Result>,
): Promise<Result | null> {
  if (remote) {
    const { sql, params } = build(drizzle(() => Promise.resolve({ rows: [] }))).toSQL();
    say(`${inlineParameters(sql, params)};`);
    return null;
  }
  if (file === undefined) {
    return await build(await openLocalD1(data ?? environment("DATA_DIR") ?? ".data"));
  }
  if (!existsSync(dirname(file))) {
    throw new UsageError(`--database must lie in a folder that exists, given ${file}`);
  }
  const { database, close } = await openFile(file);
  try {
    return await build(database);
  } finally {
    close();
  }
}

async function openFile(file: string) {
  try {
    return await openSqliteDatabase(file);
  } catch (cause) {
    throw cause instanceof DatabaseFailure ? new CommandFailure(cause.message) : cause;
  }
}
