/** One line of the structured log. Carries ids, counts and error texts; never prompts or tensors. */
export interface LogRecord {
  readonly level: "info" | "error";
  /** What happened, e.g. `generation.finished`. */
  readonly message: string;
  readonly [field: string]: string | number | boolean | null;
}

export type LogSink = (record: LogRecord) => void;

/** Fields of an unexpected error, for operators only: clients get a fixed sentence. */
export function describeCause(cause: unknown): { cause: string; stack: string | null } {
  return cause instanceof Error
    ? { cause: `${cause.name}: ${cause.message}`, stack: cause.stack ?? null }
    : { cause: String(cause), stack: null };
}
