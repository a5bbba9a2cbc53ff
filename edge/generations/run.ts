/** One run of a generation, from its submission to its end. */
import type {
  GenerationEvent,
  NumberedEvent,
  Plan,
  SeededRequest,
  TerminalEvent,
} from "../../contract/mod.ts";
import type { EventLog } from "../rooms/event_log.ts";
import type { RoomRun, RoomSubmission } from "../rooms/room.ts";

export interface PlannedGeneration {
  readonly request: SeededRequest;
  readonly plan: Plan;
}

export interface GenerationSubmission extends PlannedGeneration, RoomSubmission {
  readonly plan: Plan;
  /** The back end's name for where the run was, when the room's process was lost. */
  readonly place?: string | undefined;
}

/** A run as its room holds it. */
export interface GenerationRun extends RoomRun {
  readonly submission: GenerationSubmission;
  readonly log: EventLog;
  /** Epoch milliseconds of its submission. */
  readonly began: number;
  end: GenerationEnd | null;
}

/** The terminal event, under its cursor. */
export interface GenerationEnd extends NumberedEvent {
  readonly event: TerminalEvent;
}

/** A run that is over, as reported to quotas and webhooks. */
export interface RunEnd {
  readonly submission: GenerationSubmission;
  readonly event: GenerationEvent;
  /** Evaluations. */
  readonly spent: number;
  /** All of them. */
  readonly events: readonly NumberedEvent[];
}
