/** One JSON line a record. */
import type { LogRecord } from "../ports.ts";

export function logToConsole({ cause, ...record }: LogRecord): void {
  const line = JSON.stringify(cause === undefined ? record : { ...record, cause: String(cause) });
  if (record.level === "error") console.error(line);
  else console.log(line);
}
