/** Joins several listeners to the end of a run into one. */

/** Calls each listener in any case. Rejects with the first failure when all are done. */
export function notifyAll<End>(
  listeners: readonly ((end: End) => Promise<void>)[],
): (end: End) => Promise<void> {
  return async (end) => {
    const settled = await Promise.allSettled(listeners.map((listener) => listener(end)));
    const failed = settled.find((result) => result.status === "rejected");
    if (failed) throw failed.reason;
  };
}
