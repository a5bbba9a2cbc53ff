/**
 * How far a run has come, over all its connections: which event is next, and whether a second run
 * of the same plan, elsewhere, goes the same way as the first.
 */
import {
  createProblem,
  type GenerationEvent,
  isTerminal,
  type NumberedEvent,
  ProblemError,
} from "../../contract/mod.ts";

export class RunCourse {
  /** The cursor of the last event that was taken; -1 for none. */
  after: number;
  /** A step is done, which starting over would lose. */
  stepped = false;
  /** The terminal event was taken. */
  ended = false;
  readonly #kinds = new Map<number, string>();

  constructor(after: number) {
    this.after = after;
  }

  /**
   * Returns whether the event is new. An event taken before has to be of the same kind again.
   * @throws ProblemError `upstream_failed` when it differs: two halves would not make one run
   * @throws RangeError at a gap: the missing events may come over another connection
   */
  take({ id, event }: NumberedEvent): boolean {
    const kind = kindOf(event);
    if (id <= this.after) {
      const taken = this.#kinds.get(id);
      if (taken === undefined || taken === kind) return false;
      const detail = `Submitted again after a loss, the run took another course at event ${id}`;
      throw new ProblemError(createProblem("upstream_failed", detail));
    }
    if (id > this.after + 1) throw new RangeError(`Event ${id} cannot follow ${this.after}`);
    this.#kinds.set(id, kind);
    this.after = id;
    this.ended = isTerminal(event);
    this.stepped ||= event.type === "generation.step";
    return true;
  }
}

function kindOf(event: GenerationEvent): string {
  return "step" in event ? `${event.type} ${event.step}` : event.type;
}
