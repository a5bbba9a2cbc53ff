/** Writes one JSON line per record. */
import type { LogRecord } from "../observability/log.ts";

export function logToConsole({ cause, ...record }: LogRecord): void {
  const time = new Date().toISOString();
  const line = JSON.stringify({
    time,
    ...record,
    ...(cause === undefined ? {} : { cause: nameCause(cause) }),
  });
  if (record.level === "error") console.error(line);
  else console.log(line);
}

const CAUSE_LENGTH_MAX = 400;

/**
 * Names only the innermost error: Drizzle's own repeats the query, prompt included. What does not
 * parse is quoted by its error, and may be a prompt as well.
 */
export function nameCause(cause: unknown): string {
  let inner = cause;
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause;
  if (!(inner instanceof Error)) return typeof inner;
  if (inner instanceof SyntaxError) return `${inner.name}: what was read does not parse`;
  return `${inner.name}: ${inner.message}`.slice(0, CAUSE_LENGTH_MAX);
}
