import type { GenerationEvent } from "./generation_event.ts";

/**
 * An event with its cursor. In the stored log, pictures have empty `data`: their bytes are BLOBs.
 */
export interface NumberedEvent {
  readonly id: number;
  readonly event: GenerationEvent;
  /** Milliseconds since the run began; absent where it was not recorded. */
  readonly at_ms?: number | undefined;
}
