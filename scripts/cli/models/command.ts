/** The commands of `deno task models` share this shape and act on this world. */

export interface Command {
  /** One line for the overview. */
  readonly summary: string;
  readonly help: string;
  /**
   * @param args without the command's own name
   * @returns the exit code
   * @throws UsageError for what the caller typed, RangeError for a fault of a package or a server
   */
  run(args: readonly string[], world: World): Promise<number>;
}

/** Holds everything outside a command, so that tests can have a full disk or a failing network. */
export interface World {
  /** Prints one line of the answer. */
  say(line: string): void;
  /** Prints one line about a fault. */
  complain(line: string): void;
  env(name: string): string | undefined;
  /** Asks the user; null where nobody can answer. */
  readonly ask: ((question: string) => boolean) | null;
  /** Bytes that can still be written to the disk of this folder. */
  freeBytes(folder: string): Promise<number>;
  /** Aborted when the user interrupts. */
  readonly signal: AbortSignal;
  /** Pause between two tries of a download. */
  readonly retryMs: number;
  /** Whether progress may be drawn and redrawn. */
  readonly animated: boolean;
}
