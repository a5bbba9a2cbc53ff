/** One branch of a running sweep: events without pixels, and the image for the sheet. */
import {
  type BranchEnd,
  type GenerationEvent,
  isTerminal,
  type NumberedEvent,
  type SweepBranch,
} from "../../contract/mod.ts";
import { base64Size } from "../generations/base64_size.ts";
import type { GenerationRecord } from "../generations/generation_resource.ts";
import type { SheetImage } from "./sweep_sheet.ts";

export class BranchRun {
  readonly index: number;
  readonly branch: SweepBranch;
  readonly leave = new AbortController();
  /** Whether this sweep began the generation; null before that is known. */
  begunHere: boolean | null = null;
  image: SheetImage | null = null;
  readonly #events: NumberedEvent[] = [];
  #imageBytes = 0;
  #end: BranchEnd | null = null;

  constructor(index: number, branch: SweepBranch) {
    this.index = index;
    this.branch = branch;
  }

  get end(): BranchEnd | null {
    return this.#end;
  }

  get lastId(): number {
    return this.#events.at(-1)?.id ?? -1;
  }

  /** Evaluations so far. */
  get spent(): number {
    const last = this.#events.findLast(({ event }) => event.type === "generation.step")?.event;
    return last?.type === "generation.step" ? last.evaluations : 0;
  }

  get record(): GenerationRecord {
    return {
      plan: this.branch.plan,
      events: this.#events,
      cached: this.#end?.cached ?? false,
      imageBytes: this.#imageBytes,
    };
  }

  take(id: number, event: GenerationEvent): void {
    if (event.type === "generation.image") {
      this.image = { media_type: event.media_type, data: event.data };
      this.#imageBytes = base64Size(event.data);
    }
    this.#events.push({ id, event: "data" in event ? { ...event, data: "" } : event });
    if (isTerminal(event)) this.#end = this.#endOf(event);
  }

  #endOf(event: GenerationEvent): BranchEnd {
    if (event.type === "generation.completed") {
      const { cached, evaluations: { spent, shared } } = event;
      return { status: "succeeded", cached, spent, shared, failure: null };
    }
    const failure = event.type === "generation.failed" ? event.error : null;
    const status = failure ? "failed" : "canceled";
    return { status, cached: false, spent: this.spent, shared: 0, failure };
  }
}
