/** What is said of a database file that SQLite cannot open, or cannot read any more. */

/** SQLite's codes for a damaged file, and for one that is no database. */
const DAMAGED = [11, 26];
/** Extended codes have the kind in their low byte. */
const KIND = 0xff;

/** Its message is one sentence that names the file, and the way out of damage. */
export class DatabaseFailure extends Error {
  override readonly name = "DatabaseFailure";
}

/**
 * @param finding what SQLite says, of which the first line is told
 * @returns a failure without a cause: the log tells the innermost, and shall tell this one
 */
export function damageOf(path: string, finding: string): DatabaseFailure {
  return new DatabaseFailure(
    `The database ${path} is damaged (${firstLine(finding)}): stop the service, then move it and ` +
      `the files whose names begin alike away to start anew, or save what is left with ` +
      `sqlite3 ${path} .recover`,
  );
}

/** Returns a failed call as it is to be told: SQLite's own words, unless the file is damaged. */
export function failureOfCall(path: string, cause: unknown): unknown {
  if (!(cause instanceof Error) || !DAMAGED.includes(codeOf(cause))) return cause;
  return damageOf(path, cause.message);
}

/** Returns a failure to open it as it is to be told. */
export function failureToOpen(path: string, cause: unknown): unknown {
  if (!(cause instanceof Error) || !isOfSqlite(cause)) return cause;
  if (DAMAGED.includes(codeOf(cause))) return damageOf(path, cause.message);
  const text = `The database ${path} cannot be opened: ${firstLine(cause.message)}`;
  return new DatabaseFailure(text, { cause });
}

function isOfSqlite(cause: Error): boolean {
  return "code" in cause && cause.code === "ERR_SQLITE_ERROR";
}

function codeOf(cause: Error): number {
  return "errcode" in cause ? Number(cause.errcode) & KIND : 0;
}

function firstLine(text: string): string {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("***"));
  return lines[0]?.slice(0, 200) ?? "";
}
