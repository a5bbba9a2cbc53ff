/** The engine as the service sees it: plans in, events out, and what an operator sets. Knows no HTTP. */
import type {
  Activity,
  GenerationEvent,
  ModelManifest,
  OwnedRequest,
  Parsed,
  Plan,
} from "../../contract/mod.ts";

/** What happens to an image that is flagged: its event says so, it is withheld, or nobody looks. */
export const SAFETY_MODES = ["report", "refuse", "off"] as const;
export type SafetyMode = typeof SAFETY_MODES[number];

/**
 * How the CPU reads weights that lie in files beside the graph. `packed`: copied in the order that
 * kernels like best, which is fastest. `mapped`: read where they lie, so that a model of any size opens
 * at once, its pages can be given back to the system and are shared with other processes; rows take
 * longer, and differ in their last bits.
 */
export const WEIGHTS_MODES = ["packed", "mapped"] as const;
export type WeightsMode = typeof WEIGHTS_MODES[number];

/**
 * Whether rows share batches. `exact`: where it is proven that none has other bits for it. `fast`: in
 * any case, so that an image is the same to the eye.
 */
export const BATCHING_MODES = ["exact", "fast"] as const;
export type BatchingMode = typeof BATCHING_MODES[number];

/** A model in the folder that cannot be served, with one sentence for operators. */
export interface UnavailableModel {
  readonly id: string;
  /** Names files as they lie in the models folder. */
  readonly reason: string;
}

export interface Engine {
  readonly models: readonly ModelManifest[];
  readonly unavailable: readonly UnavailableModel[];
  /** Engines of one class give the same bytes under one content key. */
  readonly determinismClass: string;
  /** Plans with the packages loaded here; a seed left out is drawn. */
  plan(request: OwnedRequest): Parsed<Plan>;
  /**
   * Runs a plan. Yields `generation.step`, `.preview`, `.cutoff`, the insights asked for, `.image` and,
   * last, `generation.completed`. Several runs may be under way; their rows share batches.
   * Ends without a terminal event when `signal` aborts. @throws ProblemError | Error when it breaks.
   * @param report hears of each activity as it begins: it belongs to the moment, so it is no event
   */
  generate(
    plan: Plan,
    signal: AbortSignal,
    report?: (activity: Activity) => void,
  ): AsyncGenerator<GenerationEvent>;
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
