/** Waits with an end; the edge has no other timers. */

/**
 * Returns whether the promise settled in time. Rejections pass through; an abort counts as settled.
 */
export async function settlesWithin(
  promise: Promise<unknown>,
  ms: number,
  signal?: AbortSignal,
): Promise<boolean> {
  const { promise: bell, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), ms);
  const onAbort = () => resolve(true);
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise.then(() => true), bell]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  }
}

/** The other side said nothing in time: it may be slow, which is less than gone. */
export class TooLate extends Error {
  override readonly name = "TooLate";
}

/** @throws TooLate when the time is over first */
export async function within<T>(promise: Promise<T>, ms: number, what: string): Promise<T> {
  if (!await settlesWithin(promise, ms)) throw new TooLate(`${what} took longer than ${ms} ms`);
  return await promise;
}

/** Ends early when the signal aborts. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  await settlesWithin(new Promise(() => {}), ms, signal);
}

/** Calls `act` later, unless the returned function is called before. */
export function later(ms: number, act: () => void): () => void {
  const timer = setTimeout(act, ms);
  return () => clearTimeout(timer);
}
