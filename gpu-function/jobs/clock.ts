/** Time as the service sees it: a port, so that tests decide when it passes. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls back once after `delayMs`. Returns how to prevent it. */
  setTimer(delayMs: number, callback: () => void): () => void;
}
