/**
 * Graphs as the engine uses them. They live in the inference thread, so that nothing on this one ever waits
 * for a row. A thread that stopped fails what it was doing; the next use of a session loads its graph again.
 */
import type { ExpectedGraph, Feed, Fetched, SessionOptions, TensorType } from "./graph.ts";
import { InferenceThread } from "./inference/inference_thread.ts";
import type { Timed } from "./inference/turns.ts";

/** What a session has done since it was loaded, counted around `run` itself. */
export interface SessionUsage {
  runs: number;
  rows: number;
  milliseconds: number;
}

export interface OnnxSession {
  readonly usage: Readonly<SessionUsage>;
  /** Shapes as the file declares them; names and unknown sides are null. */
  inputShape(name: string): readonly (number | null)[];
  outputShape(name: string): readonly (number | null)[];
  /** Of an output or a tap; undefined where the graph has none of that name. */
  outputType(name: string): TensorType | undefined;
  /**
   * Rows are the first side of the first feed; optional inputs that the graph lacks are passed over.
   * @param wanted outputs and taps to fetch, all of the outputs and none of the taps by default
   * @throws Error naming the file when the graph fails
   */
  run(
    feeds: Readonly<Record<string, Feed>>,
    wanted?: readonly string[],
    counted?: boolean,
  ): Promise<Timed<Readonly<Record<string, Fetched>>>>;
  release(): Promise<void>;
}

/** One for the process: onnxruntime runs one graph at a time in any case. */
const ofProcess = new InferenceThread();

export interface LoadingOptions extends SessionOptions {
  /** Where the graph runs; in the thread of the process by default. */
  readonly thread?: InferenceThread | undefined;
}

/** @throws RangeError naming the file and what is wrong with its inputs or outputs */
export async function loadSession(
  file: string,
  expected: ExpectedGraph,
  { thread = ofProcess, ...others }: LoadingOptions,
): Promise<OnnxSession> {
  const options = settingsOf(others);
  const load = async () => {
    const graph = await thread.ask({ ask: "load", file, expected, options });
    return { ...graph, losses: thread.losses };
  };
  let loaded = await load();
  const usage: SessionUsage = { runs: 0, rows: 0, milliseconds: 0 };
  const plain = expected.outputs.map(({ name }) => name);
  return {
    usage,
    inputShape: (name) => loaded.inputs.get(name)?.shape ?? [],
    outputShape: (name) => loaded.outputs.get(name)?.shape ?? [],
    outputType: (name) => loaded.outputs.get(name)?.type,
    async run(feeds, wanted = plain, counted = true) {
      if (loaded.losses !== thread.losses) loaded = await load();
      const owned = Object.fromEntries(
        Object.entries(feeds).map(([name, feed]) => [name, withOwnBytes(feed)]),
      );
      const { session } = loaded;
      const fetched = await thread.ask({ ask: "run", session, feeds: owned, wanted });
      if (!counted) return fetched;
      usage.milliseconds += fetched.milliseconds;
      usage.runs += 1;
      usage.rows += Object.values(feeds)[0]?.shape[0] ?? 0;
      return fetched;
    },
    async release() {
      const { session, losses } = loaded;
      if (losses === thread.losses) await thread.ask({ ask: "release", session });
    },
  };
}

/** What a session is to the thread; loaders have more to say, which would not cross over. */
function settingsOf(
  { stepping = false, mapped = false, packedDir = null, ...others }: SessionOptions,
): SessionOptions {
  const { executionProvider, intraOpNumThreads } = others;
  return { stepping, executionProvider, intraOpNumThreads, mapped, packedDir };
}

/** A view is sent with all the bytes that it is a view of. */
function withOwnBytes({ data, shape }: Feed): Feed {
  const isView = data instanceof Float32Array && data.byteLength < data.buffer.byteLength;
  return { data: isView ? data.slice() : data, shape };
}

/** Runs a graph of one node on the provider. Null when it works, else onnxruntime's reason in one line. */
export function tryProvider(executionProvider: string): Promise<string | null> {
  return ofProcess.ask({ ask: "probe", executionProvider });
}
