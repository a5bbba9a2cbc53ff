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

/** Whether loops are run to their end, whatever it takes. */
export const IS_LONG = typeof Deno !== "undefined" && Deno.env.get("FAULTS_LONG") === "1";

/** With more calls than this, the short version loses some of them. */
const CALLS_LOST_MAX = 12;

/**
 * Ways in which the n-th of so many calls can be lost, for every n and each way when `FAULTS_LONG` is set.
 * Without, a request of many calls loses its first ones, its last ones and some drawn from between.
 */
export function failuresOf(calls: number, draw: () => number): Failure[] {
  const all = Array.from({ length: calls }, (_, index) => index + 1);
  const isShort = !IS_LONG && calls > CALLS_LOST_MAX;
  const places = isShort
    ? all.filter((at) => at <= 3 || at > calls - 3 || draw() % calls < CALLS_LOST_MAX - 6)
    : all;
  return places.flatMap((at): Failure[] => {
    const ways: Failure[] = [
      { at, lasting: false, lost: "call" },
      { at, lasting: false, lost: "answer" },
      { at, lasting: true, lost: "call" },
    ];
    return isShort ? [ways[draw() % ways.length] as Failure] : ways;
  });
}

export function describeFailure({ at, lasting, lost }: Failure): string {
  return `${lost} ${at}${lasting ? " and all behind it" : ""}`;
}
