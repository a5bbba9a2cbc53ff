/** The log as a port: what may be logged of a request or a run. */
import type { RequestRecord } from "./request_record.ts";

export type Log = (record: LogRecord) => void;

/** Leaves out prompts and pixels. */
export interface LogRecord extends Partial<Omit<RequestRecord, "request_id">> {
  readonly level: "info" | "error";
  readonly message: string;
  readonly generation?: string | undefined;
  readonly sweep?: string | undefined;
  readonly webhook?: string | undefined;
  readonly room?: string | undefined;
  readonly request_id?: string | undefined;
  readonly cause?: unknown;
}
