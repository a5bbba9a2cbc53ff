/** Work whose failure a run survives. */
import type { Log, LogRecord } from "../observability/log.ts";

/** Never rejects: it logs the failure under the message. */
export async function tolerate(
  log: Log,
  record: Omit<LogRecord, "level" | "cause">,
  work: () => Promise<unknown>,
): Promise<void> {
  try {
    await work();
  } catch (cause) {
    log({ level: "error", ...record, cause });
  }
}
