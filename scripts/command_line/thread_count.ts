/** Reads the number of threads for the commands that run the engine. */
import { UsageError } from "./command_line.ts";

/** Returns the threads of one operator; 0 lets onnxruntime choose. @throws UsageError */
export function readThreads(value: unknown): number {
  const threads = Number(value ?? 0);
  if (Number.isInteger(threads) && threads >= 0) return threads;
  throw new UsageError(`--threads must be an integer from 0, given ${value}`);
}
