/**
 * Values on their way from a producer that does not wait to a consumer that does, in order. A value may
 * still be in the making (a preview being encoded): what was sent after it waits behind it.
 */

export interface EventChannel<T> extends AsyncIterable<T> {
  send(value: T | Promise<T>): void;
  /** Nothing more will come. */
  end(): void;
  /** The consumer gets what was sent before, then this error. */
  fail(error: unknown): void;
}

export function createEventChannel<T>(): EventChannel<T> {
  const waiting: (T | Promise<T>)[] = [];
  let ended: { readonly error?: unknown } | null = null;
  let wake = Promise.withResolvers<void>();
  const notify = () => {
    wake.resolve();
    wake = Promise.withResolvers<void>();
  };
  return {
    send(value) {
      // A consumer that has left must not turn a failed preview into an unhandled rejection.
      if (value instanceof Promise) value.catch(() => {});
      waiting.push(value);
      notify();
    },
    end() {
      ended ??= {};
      notify();
    },
    fail(error) {
      ended ??= { error };
      notify();
    },
    async *[Symbol.asyncIterator]() {
      while (true) {
        const woken = wake.promise;
        while (waiting.length > 0) yield await waiting.shift()!;
        if (ended && "error" in ended) throw ended.error;
        if (ended) return;
        await woken;
      }
    },
  };
}
