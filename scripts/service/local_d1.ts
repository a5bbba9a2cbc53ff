/** Reaches D1 through wrangler: the local database, or statements as text for a remote one. */
import { drizzle, type SqliteRemoteDatabase } from "drizzle-orm/sqlite-proxy";
import { applyMigrations, runD1 } from "./wrangler.ts";

/** Opens a data folder's migrated local D1. Its edge may be running: the two share the file. */
export async function openLocalD1(dataDir: string): Promise<SqliteRemoteDatabase> {
  await applyMigrations(dataDir);
  return drizzle(async (sql, params) => ({
    rows: await executeLocally(dataDir, inlineParameters(sql, params)),
  }));
}

/** @returns rows as values in the order of their columns */
export async function executeLocally(dataDir: string, sql: string): Promise<unknown[][]> {
  const command = ["execute", "DB", "--json", `--command=${sql}`];
  const text = await runD1(command, dataDir, `Cannot reach the database of ${dataDir}`);
  const answers: readonly { readonly results?: readonly object[] }[] = JSON.parse(text);
  return answers.flatMap(({ results = [] }) => results.map((row) => Object.values(row)));
}

/** Puts a statement's values into its text, for tools that take only text. */
export function inlineParameters(sql: string, params: readonly unknown[]): string {
  const values = params.values();
  const text = sql.replaceAll("?", () => literal(values.next().value));
  if (!values.next().done) throw new RangeError("A statement has more values than places");
  return text;
}

function literal(value: unknown): string {
  if (value === null || value === undefined) return "null";
  if (typeof value === "number" && Number.isFinite(value)) return String(value);
  if (typeof value === "string") return `'${value.replaceAll("'", "''")}'`;
  throw new TypeError(`A value must be text, a finite number or null, given ${typeof value}`);
}
