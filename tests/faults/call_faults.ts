/** Counts the calls that pass through it, and makes one of them fail. */

export interface Failure {
  /** The number of the call that fails, from 1. */
  readonly at: number;
  /** Whether the calls after it fail as well. */
  readonly lasting: boolean;
  /** `call`: it never arrives. `answer`: it is done, but its answer never comes. */
  readonly lost: "call" | "answer";
  /** Whether the failure is silent. A call whose answer is lost is then done long after. */
  readonly silent: boolean;
}

export class CallFaults {
  readonly #onSilence: () => void;
  #failure: Failure | null = null;
  #calls = 0;
  #later = Promise.withResolvers<void>();

  /** @param onSilence called for each call that gets no reply at all */
  constructor(onSilence: () => void = () => {}) {
    this.#onSilence = onSilence;
  }

  /** The number of calls since `arm`. */
  get calls(): number {
    return this.#calls;
  }

  /** Counts anew, and does late calls now. @param failure null: every call succeeds */
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

/** Whether every failure is tried, however long it takes. */
export const IS_LONG = typeof Deno !== "undefined" && Deno.env.get("FAULTS_LONG") === "1";

export const WAYS: readonly Omit<Failure, "at">[] = [false, true].flatMap((silent) => [
  { lost: "call", lasting: false, silent },
  { lost: "answer", lasting: false, silent },
  { lost: "call", lasting: true, silent },
]);

/** With more calls than this, the short version loses some of them. */
const CALLS_LOST_MAX = 12;

/**
 * Failures of the n-th call, for every n in every way when `FAULTS_LONG` is set. Otherwise only the
 * first calls, the last ones and some drawn from between are lost, and chance decides which are
 * silent.
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
