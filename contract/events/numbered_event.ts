import type { GenerationEvent } from "./generation_event.ts";

/** An event under its cursor. In the stored log, pictures have empty `data`: their bytes are BLOBs. */
export interface NumberedEvent {
  readonly id: number;
  readonly event: GenerationEvent;
  /** When it came, milliseconds since the run began; absent where nobody noted it. */
  readonly at_ms?: number | undefined;
}
