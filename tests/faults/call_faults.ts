/** A count of calls, one of which fails: for whatever is called through it. */

export interface Failure {
  /** The call that fails, from 1. */
  readonly at: number;
  /** Whether those behind it fail as well. */
  readonly lasting: boolean;
  /** A call that never arrived, or one that was done and whose answer never came. */
  readonly lost: "call" | "answer";
}

export class CallFaults {
  #failure: Failure | null = null;
  #calls = 0;

  /** Since `arm`. */
  get calls(): number {
    return this.#calls;
  }

  /** Counts anew. @param failure null: every call succeeds */
  arm(failure: Failure | null): void {
    this.#failure = failure;
    this.#calls = 0;
  }

  async pass<T>(call: () => Promise<T>): Promise<T> {
    const number = ++this.#calls;
    const failure = this.#failure;
    const fails = failure !== null &&
      (failure.lasting ? number >= failure.at : number === failure.at);
    if (!fails) return await call();
    if (failure.lost === "answer") await call();
    throw new Error(`The database lost the ${failure.lost} ${number}`);
  }
}

/** Every way in which the n-th of so many calls can be lost. */
export function failuresOf(calls: number): Failure[] {
  return Array.from({ length: calls }, (_, index) => index + 1).flatMap((at) => [
    { at, lasting: false, lost: "call" },
    { at, lasting: false, lost: "answer" },
    { at, lasting: true, lost: "call" },
  ]);
}

export function describeFailure({ at, lasting, lost }: Failure): string {
  return `${lost} ${at}${lasting ? " and all behind it" : ""}`;
}
