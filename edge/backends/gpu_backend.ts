/** A back end as the rooms see it: one GPU function, several, or Replicate. */
import type {
  GenerationRequest,
  GpuHealth,
  NumberedEvent,
  Parsed,
  Progress,
} from "../../contract/mod.ts";

export type { GpuFunctionHealth, GpuHealth } from "../../contract/mod.ts";

export interface Submission {
  /** The content key. */
  readonly id: string;
  readonly request: GenerationRequest;
  /** Id of the request that began the run, for the GPU function's log. */
  readonly request_id?: string | undefined;
  /** The run's place, in the back end's words, when an earlier process of its room lost it. */
  readonly place?: string | undefined;
  /** Called with the place of the run, and again with a new place before its next event. */
  readonly onPlace?: ((place: string) => Promise<void>) | undefined;
  /** Called with what the run is doing, between its events. Not every back end knows it. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

export interface GpuBackend {
  /**
   * Starts the prediction, or joins it where it runs or has succeeded. Yields the events after the
   * cursor (-1: all), ending with a terminal one. Refuses before the first event; later, iterating
   * throws ProblemError `upstream_failed`.
   */
  submit(
    submission: Submission,
    after: number,
  ): Promise<Parsed<AsyncGenerator<NumberedEvent>>>;
  cancel(id: string): Promise<Parsed<null>>;
  health(): Promise<GpuHealth>;
}
