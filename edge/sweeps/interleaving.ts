/**
 * Merges the events of several branches into one order. Chance decides it once, as the events
 * arrive; a kept order puts the same events into the same places again. Pure, except for its own
 * state.
 */
import type { NumberedEvent } from "../../contract/mod.ts";
import type { BranchEvent } from "../../db/sweep_queries.ts";

export interface PlacedEvent extends NumberedEvent {
  /** The event's place in the merged log, from 0. */
  readonly place: number;
  readonly branch: number;
}

export class Interleaving {
  readonly #order: BranchEvent[];
  #next = 0;
  readonly #waiting = new Map<number, NumberedEvent[]>();
  readonly #ended = new Set<number>();

  /** @param remembered the order of an earlier log of the same branches, as far as it had come */
  constructor(remembered: readonly BranchEvent[] = []) {
    this.#order = [...remembered];
  }

  /** Lists the event of each place. */
  get order(): readonly BranchEvent[] {
    return this.#order;
  }

  /** Takes a branch's next event. @returns the events whose turn it is now */
  offer(branch: number, event: NumberedEvent): PlacedEvent[] {
    const queue = this.#waiting.get(branch);
    if (queue) queue.push(event);
    else this.#waiting.set(branch, [event]);
    return this.#release();
  }

  /** Ends the branch, so that its remaining places in the order are skipped. */
  end(branch: number): PlacedEvent[] {
    this.#ended.add(branch);
    return this.#release();
  }

  #release(): PlacedEvent[] {
    const released: PlacedEvent[] = [];
    for (let turn = this.#turn(); turn !== "later"; turn = this.#turn()) {
      if (turn) released.push(turn);
      this.#next++;
    }
    if (this.#next < this.#order.length) return released;
    for (const [branch, queue] of this.#waiting) {
      for (const event of queue.splice(0)) {
        this.#order.push([branch, event.id]);
        released.push({ ...event, place: this.#next++, branch });
      }
    }
    return released;
  }

  /** Returns the event of the next remembered place; null where it is gone, as previews may be. */
  #turn(): PlacedEvent | null | "later" {
    const remembered = this.#order[this.#next];
    if (!remembered) return "later";
    const [branch, id] = remembered;
    const queue = this.#waiting.get(branch) ?? [];
    while (queue[0] && queue[0].id < id) queue.shift();
    const [first] = queue;
    if (!first) return this.#ended.has(branch) ? null : "later";
    if (first.id > id) return null;
    queue.shift();
    return { ...first, place: this.#next, branch };
  }
}
