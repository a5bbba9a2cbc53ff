/** What the engine's thread asks the inference thread, and what that answers. */
import type { ExpectedGraph, Feed, Fetched, SessionOptions, TensorType } from "../graph.ts";
import type { Timed } from "./turns.ts";

export type Question =
  | {
    readonly ask: "load";
    readonly file: string;
    readonly expected: ExpectedGraph;
    readonly options: SessionOptions;
  }
  | {
    readonly ask: "run";
    readonly session: number;
    readonly feeds: Readonly<Record<string, Feed>>;
    readonly wanted: readonly string[];
  }
  | { readonly ask: "release"; readonly session: number }
  | { readonly ask: "probe"; readonly executionProvider: string };

export interface Answers {
  readonly load: LoadedGraph;
  readonly run: Timed<Readonly<Record<string, Fetched>>>;
  readonly release: null;
  /** Null when the provider works, else onnxruntime's reason. */
  readonly probe: string | null;
}

export interface LoadedGraph {
  /** Its number in the thread that loaded it. */
  readonly session: number;
  /** By the engine's names. */
  readonly inputs: ReadonlyMap<string, TensorForm>;
  readonly outputs: ReadonlyMap<string, TensorForm>;
}

export interface TensorForm {
  readonly type: TensorType;
  /** As the file declares it; names and unknown sides are null. */
  readonly shape: readonly (number | null)[];
}

/** A question under its number. */
export interface Asked {
  readonly id: number;
  readonly question: Question;
}

export type Answered =
  | { readonly id: number; readonly value: Answers[keyof Answers] }
  | { readonly id: number; readonly failure: Failure };

/** An error, whose class would not come through. */
export interface Failure {
  readonly message: string;
  /** Whether it is a RangeError: something given is wrong, and the message says what. */
  readonly ofInput: boolean;
}
