/** What a graph must look like, what goes into it and what comes out. */

export interface SessionOptions {
  /**
   * Whether the graph runs step after step. Its threads then wait for their next work by spinning, and
   * what a run needed beside the weights stays allocated for the next. For a
   * graph that runs once, idle threads would take the cores from the denoiser, and memory would be held.
   */
  readonly stepping?: boolean;
  /** `cpu`, `cuda`, `webgpu` ... as onnxruntime-node names them. */
  readonly executionProvider: string;
  /** Threads inside one operator; 0 leaves it to onnxruntime. */
  readonly intraOpNumThreads: number;
  /** Whether the CPU reads weights where they lie in files beside the graph, instead of packing them. */
  readonly mapped?: boolean;
  /** A folder that keeps packed weights for the next start; null packs them anew each time. */
  readonly packedDir?: string | null;
}

/** `bool` comes out as 0 and 1, and never goes in. */
export type TensorType = "float32" | "float16" | "int32" | "int64" | "bool";

/** What a graph's input or output must look like. */
export interface ExpectedTensor {
  /** What feeds and results call it. */
  readonly name: string;
  /** Other names that exporters give it. */
  readonly aliases?: readonly string[];
  /** A graph may do without this input, and then is not fed it. */
  readonly optional?: boolean;
  readonly types: readonly TensorType[];
  /** Allowed ranks with the fixed sides in them; null is any side. */
  readonly shapes: readonly (readonly (number | null)[])[];
}

export interface ExpectedGraph {
  readonly inputs: readonly ExpectedTensor[];
  /** The graph may have more; only these are fetched. */
  readonly outputs: readonly ExpectedTensor[];
  /** Values inside the graph that are to be outputs too. Reads the file's bytes into memory once. */
  readonly taps?: readonly ExpectedTensor[];
  /** A value inside the graph that is fed, and of its types the first: what only leads to it is left out. */
  readonly fed?: ExpectedTensor;
}

export interface Feed {
  readonly data: Float32Array | readonly number[];
  readonly shape: readonly number[];
}

export interface Fetched {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}
