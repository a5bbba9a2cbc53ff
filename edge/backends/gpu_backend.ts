/** Whoever draws, as the rooms see it: one GPU function, several, or Replicate. */
import type { GenerationRequest, GpuHealth, NumberedEvent, Parsed } from "../../contract/mod.ts";

export type { GpuFunctionHealth, GpuHealth } from "../../contract/mod.ts";

export interface Submission {
  /** The content key. */
  readonly id: string;
  readonly request: GenerationRequest;
  /** Of the request that began the run, for the GPU function's log. */
  readonly request_id?: string | undefined;
  /** Where the run was, in the back end's words, when an earlier process of its room lost it. */
  readonly place?: string | undefined;
  /** Told where the run is, and again when it has gone elsewhere, before its next event. */
  readonly onPlace?: ((place: string) => Promise<void>) | undefined;
}

export interface GpuBackend {
  /**
   * Starts the prediction, or joins it where it runs or has succeeded. The events after the cursor
   * (-1: all) follow, ending with a terminal one. Refuses before the first event; later the events throw
   * ProblemError `upstream_failed`.
   */
  submit(
    submission: Submission,
    after: number,
  ): Promise<Parsed<AsyncGenerator<NumberedEvent>>>;
  cancel(id: string): Promise<Parsed<null>>;
  health(): Promise<GpuHealth>;
}
