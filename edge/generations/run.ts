/** One run of a generation, from what its room was asked to what came of it. */
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
  /** Where its run was when the room's process was lost, in the back end's words. */
  readonly place?: string | undefined;
}

/** A run as its room holds it. */
export interface GenerationRun extends RoomRun {
  readonly submission: GenerationSubmission;
  readonly log: EventLog;
  /** Epoch milliseconds: when its room was asked for it. */
  readonly began: number;
  end: GenerationEnd | null;
}

/** The terminal event, under its cursor. */
export interface GenerationEnd extends NumberedEvent {
  readonly event: TerminalEvent;
}

/** A run that is over, reported to whoever has something to do then: quotas, webhooks. */
export interface RunEnd {
  readonly submission: GenerationSubmission;
  readonly event: GenerationEvent;
  /** U-Net rows. */
  readonly spent: number;
  /** All of them. */
  readonly events: readonly NumberedEvent[];
}
