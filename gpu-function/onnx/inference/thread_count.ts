/** How many threads an operator gets where nobody said. Pure. */

export interface Processors {
  /** What this process may use: a container's limit, or the processors that it is bound to. */
  readonly allowed: number;
  /** What the machine has. */
  readonly present: number;
}

/**
 * onnxruntime takes a thread for each physical core of the machine, whatever a container's limit says, and
 * threads beyond the limit hold each other up. So a limit decides; without one the choice stays its own.
 * @param asked 0 where nobody said
 * @returns 0 leaves the number to onnxruntime
 */
export function threadCount(asked: number, { allowed, present }: Processors): number {
  return asked > 0 || allowed >= present ? asked : Math.max(allowed, 1);
}
