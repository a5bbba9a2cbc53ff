/** The engine as the service sees it: plans in, events out. Knows no HTTP. */
import type {
  GenerationEvent,
  ModelManifest,
  OwnedRequest,
  Parsed,
  Plan,
} from "../../contract/mod.ts";

export interface Engine {
  readonly models: readonly ModelManifest[];
  /** Plans with the packages loaded here; a seed left out is drawn. */
  plan(request: OwnedRequest): Parsed<Plan>;
  /**
   * Runs a plan. Yields `generation.step`, `.preview`, `.cutoff`, the insights asked for, `.image` and,
   * last, `generation.completed`. Several runs may be under way; their rows share batches.
   * Ends without a terminal event when `signal` aborts. @throws ProblemError | Error when it breaks.
   */
  generate(plan: Plan, signal: AbortSignal): AsyncGenerator<GenerationEvent>;
  /** Counters since the start, for metrics. */
  readonly counters: EngineCounters;
  close(): Promise<void>;
}

export interface EngineCounters {
  /** Rows given to the U-Net session, counted there. */
  unetRows: number;
  unetRuns: number;
  inferenceMs: number;
}
