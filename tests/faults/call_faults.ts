/** A count of calls, one of which fails: for whatever is called through it. */

export interface Failure {
  /** The call that fails, from 1. */
  readonly at: number;
  /** Whether the calls after it fail as well. */
  readonly lasting: boolean;
  /** A call that never arrived, or one that was done and whose answer never came. */
  readonly lost: "call" | "answer";
  /** Nothing is said, not even that it failed. What was lost is an answer: the call is done long after. */
  readonly silent: boolean;
}

export class CallFaults {
  readonly #onSilence: () => void;
  #failure: Failure | null = null;
  #calls = 0;
  #later = Promise.withResolvers<void>();

  /** @param onSilence is called for a call that will get no answer */
  constructor(onSilence: () => void = () => {}) {
    this.#onSilence = onSilence;
  }

  /** Since `arm`. */
  get calls(): number {
    return this.#calls;
  }

  /** Counts anew, and does what comes late. @param failure null: every call succeeds */
  arm(failure: Failure | null): void {
    this.#failure = failure;
    this.#calls = 0;
    this.#later.resolve();
    this.#later = Promise.withResolvers();
  }

  async pass<T>(call: () => Promise<T>): Promise<T> {
    const number = ++this.#calls;
    const failure = this.#failure;
    const fails = failure !== null &&
      (failure.lasting ? number >= failure.at : number === failure.at);
    if (!fails) return await call();
    if (failure.silent) {
      if (failure.lost === "answer") void this.#later.promise.then(call).catch(() => {});
      this.#onSilence();
      return await new Promise<never>(() => {});
    }
    if (failure.lost === "answer") await call();
    throw new Error(`The database lost the ${failure.lost} ${number}`);
  }
}

/** Whether loops are run to their end, whatever it takes. */
export const IS_LONG = typeof Deno !== "undefined" && Deno.env.get("FAULTS_LONG") === "1";

export const WAYS: readonly Omit<Failure, "at">[] = [false, true].flatMap((silent) => [
  { lost: "call", lasting: false, silent },
  { lost: "answer", lasting: false, silent },
  { lost: "call", lasting: true, silent },
]);

/** With more calls than this, the short version loses some of them. */
const CALLS_LOST_MAX = 12;

/**
 * Ways in which the n-th of so many calls can be lost, for every n and each way when `FAULTS_LONG` is set.
 * Without, a request of many calls loses its first ones, its last ones and some drawn from between, and
 * chance decides what is lost in silence.
 */
export function failuresOf(calls: number, draw: () => number): Failure[] {
  const all = Array.from({ length: calls }, (_, index) => index + 1);
  const isShort = !IS_LONG && calls > CALLS_LOST_MAX;
  const places = isShort
    ? all.filter((at) => at <= 3 || at > calls - 3 || draw() % calls < CALLS_LOST_MAX - 6)
    : all;
  return places.flatMap((at): Failure[] => {
    const ways = WAYS.map((way) => ({ at, ...way }));
    if (isShort) return [ways[draw() % ways.length] as Failure];
    return IS_LONG ? ways : ways.slice(0, 3).map((way) => ({ ...way, silent: draw() % 2 === 1 }));
  });
}

export function describeFailure({ at, lasting, lost, silent }: Failure): string {
  return `${lost} ${at}${lasting ? " and all behind it" : ""}${silent ? ", in silence" : ""}`;
}
