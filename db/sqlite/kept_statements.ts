/**
 * Statements of one connection, prepared once and kept by their text. The edge has some dozens. To
 * prepare each anew is most of a small query's work, and what SQLite holds for it outside the heap
 * stays until the garbage collector comes by.
 */
import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from "node:sqlite";

export type Row = readonly SQLOutputValue[];

/** Beyond it the longest unused leave: a list of ids has another text for each length. */
export const KEPT_MAX = 200;

export class KeptStatements {
  readonly #connection: Pick<DatabaseSync, "prepare">;
  // The map's order is that of the last use.
  readonly #statements = new Map<string, StatementSync>();

  constructor(connection: Pick<DatabaseSync, "prepare">) {
    this.#connection = connection;
  }

  /** Executes one statement to its end, so that it holds no lock. @returns its rows as values */
  execute(sql: string, values: readonly SQLInputValue[]): readonly Row[] {
    const rows: readonly unknown[] = this.#prepared(sql).all(...values);
    if (!rows.every(Array.isArray)) throw new TypeError("SQLite must give its rows as arrays");
    return rows;
  }

  #prepared(sql: string): StatementSync {
    const statement = this.#statements.get(sql) ?? asArrays(this.#connection.prepare(sql));
    this.#statements.delete(sql);
    this.#statements.set(sql, statement);
    const [oldest] = this.#statements.keys();
    if (oldest !== undefined && this.#statements.size > KEPT_MAX) this.#statements.delete(oldest);
    return statement;
  }
}

/**
 * As objects, rows would lose a column where two have one name. Deno's types do not know this
 * method of Node's yet.
 */
function asArrays(statement: StatementSync): StatementSync {
  if (!("setReturnArrays" in statement) || typeof statement.setReturnArrays !== "function") {
    throw new TypeError("This version of Deno cannot give rows as arrays; use the pinned one");
  }
  statement.setReturnArrays(true);
  return statement;
}
