/** One run of a generation, from what its room was asked to what came of it. */
import type { GenerationEvent, NumberedEvent, Plan, SeededRequest } from "../../contract/mod.ts";
import type { OnBehalfOf } from "../callers/on_behalf_of.ts";

export interface PlannedGeneration {
  readonly request: SeededRequest;
  readonly plan: Plan;
}

export interface GenerationSubmission extends PlannedGeneration {
  /** Rooms have it stored under this name. */
  readonly origin: OnBehalfOf;
  /** Where its run was when the room's process was lost, in the back end's words. */
  readonly place?: string | undefined;
  /** An earlier process of the room had begun it: nobody is asked again whether it may run. */
  readonly recalled?: boolean;
}

/** A run that is over, told to whoever has something to do then: quotas, webhooks. */
export interface RunEnd {
  readonly submission: GenerationSubmission;
  readonly event: GenerationEvent;
  /** U-Net rows. */
  readonly spent: number;
  /** All of them. */
  readonly events: readonly NumberedEvent[];
}
