/** Threads inside one operator, as generate and sweep take them. */
import { UsageError } from "./command_line.ts";

/** Reads `--threads`: threads of one operator, 0 leaves it to onnxruntime. @throws UsageError */
export function readThreads(value: unknown): number {
  const threads = Number(value ?? 0);
  if (Number.isInteger(threads) && threads >= 0) return threads;
  throw new UsageError(`--threads must be an integer from 0, given ${value}`);
}
