/**
 * The only importer of onnxruntime, which computes on the thread that calls it: this file runs in a thread
 * of its own (`inference_worker.ts`). A graph is checked when it loads, so that a wrong file is a sentence
 * that names it rather than a failure in the middle of a run. All values go in and out as float32 or
 * integers; fp16 and int64 end here.
 */
import { existsSync, realpathSync, statSync } from "node:fs";
import { cpus } from "node:os";
import { dirname, join } from "node:path";
import { env, InferenceSession, Tensor } from "onnxruntime-node";
import {
  findPlace,
  isPacked,
  PACKED_GRAPH,
  PACKED_WEIGHTS,
  type PackedPlace,
  type PackedTraits,
  packInto,
} from "./packed_graph.ts";
import { sizeOf } from "../../diffusion/mod.ts";
import { failureReason } from "./failure_reason.ts";
import type { TensorForm } from "./inference_message.ts";
import { withOutputs } from "../graph_file/graph_outputs.ts";
import { protobufIn } from "../graph_file/protobuf_file.ts";
import { readShallowGraph, shallowGraph } from "../graph_file/shallow_graph.ts";
import type {
  ExpectedGraph,
  ExpectedTensor,
  Feed,
  Fetched,
  SessionOptions,
  TensorType,
} from "../graph.ts";
import { refuseLfsPointer } from "../graph_file/lfs_pointer.ts";
import { readWithRealWeights } from "../graph_file/linked_weights.ts";
import { readOnnxGraph } from "../graph_file/onnx_graph.ts";
import { threadCount } from "./thread_count.ts";
import { type Timed, Turns } from "./turns.ts";

/** The thread has one, since onnxruntime-node runs one graph at a time in it anyway. */
const TURNS = new Turns();

const PROCESSORS = { allowed: navigator.hardwareConcurrency, present: cpus().length };

/** A graph's inputs or outputs by the names that the engine uses. */
export type CheckedTensors = ReadonlyMap<string, CheckedTensor>;

export interface CheckedTensor extends TensorForm {
  /** In the file. */
  readonly ownName: string;
}

export interface NativeSession {
  readonly inputs: CheckedTensors;
  readonly outputs: CheckedTensors;
  /** @param wanted names of outputs and taps */
  run(
    feeds: Readonly<Record<string, Feed>>,
    wanted: readonly string[],
  ): Promise<Timed<Readonly<Record<string, Fetched>>>>;
  release(): Promise<void>;
}

/** @throws RangeError naming the file and what is wrong with its inputs or outputs */
export async function openNativeSession(
  file: string,
  expected: ExpectedGraph,
  options: SessionOptions,
): Promise<NativeSession> {
  const { taps = [], fed } = expected;
  const session = await openSession(file, expected, options);
  const inputs = checkTensors(`${file}: input`, session.inputMetadata, [
    ...expected.inputs,
    ...(fed ? [fed] : []),
  ]);
  const known = [...inputs.values()].map(({ ownName }) => ownName);
  const unknown = session.inputNames.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new RangeError(`${file}: input ${unknown} is not one this engine can feed`);
  }
  const outputs = checkTensors(`${file}: output`, session.outputMetadata, [
    ...expected.outputs,
    ...taps,
  ]);
  return {
    inputs,
    outputs,
    async run(feeds, wanted) {
      const tensors = Object.fromEntries(
        Object.entries(feeds).flatMap(([name, feed]) => {
          const input = inputs.get(name);
          return input ? [[input.ownName, toTensor(feed, input.type)]] : [];
        }),
      );
      const fetches = wanted.flatMap((name) => outputs.get(name)?.ownName ?? []);
      const { value: results, milliseconds } = await TURNS.take(() =>
        session.run(tensors, fetches)
      );
      const fetched = wanted.map((
        name,
      ) => [name, fromTensor(results[outputs.get(name)?.ownName ?? name])]);
      return { value: Object.fromEntries(fetched), milliseconds };
    },
    release: () => session.release(),
  };
}

/** A graph that adds its one value to itself; fixtures/record.py writes it. */
const PROBE =
  "CAcSADo1Cg4KAXgKAXgSAXkiA0FkZBIBcFoPCgF4EgoKCAgBEgQKAggBYg8KAXkSCgoICAESBAoCCAFCBAoAEA0=";

/** Runs a graph of one node on the provider. Null when it works, else onnxruntime's reason in one line. */
export async function tryProvider(executionProvider: string): Promise<string | null> {
  const fatal = 4; // what would be logged is in the reason
  try {
    const session = await InferenceSession.create(Uint8Array.fromBase64(PROBE), {
      executionProviders: [executionProvider],
      logSeverityLevel: fatal,
    });
    try {
      await TURNS.take(() => session.run({ x: new Tensor("float32", Float32Array.of(1), [1]) }));
    } finally {
      await session.release();
    }
    return null;
  } catch (error) {
    return failureReason(error);
  }
}

async function openSession(
  file: string,
  { taps = [], fed }: ExpectedGraph,
  options: SessionOptions,
): Promise<InferenceSession> {
  if (!existsSync(file)) throw new RangeError(`${file} is missing`);
  refuseLfsPointer(file);
  const { packedDir, mapped, executionProvider } = options;
  const edits: Edits = { taps: taps.map(({ name }) => name), fed };
  const source = () => sourceOf(file, edits);
  try {
    // Weights are packed for the CPU's kernels.
    if (packedDir && !mapped && executionProvider === "cpu") {
      return await openPacked(
        await findPlace(file, packedDir, traitsOf(file, edits)),
        source,
        options,
      );
    }
    const { graph, session } = source();
    return await createSession(graph, settingsOf(options, session));
  } catch (error) {
    refusePointersBeside(file);
    // Such as a file whose structure cannot be read: the sentence names it.
    if (error instanceof RangeError && error.message.startsWith(file)) throw error;
    const cause = new Error(failureReason(error), { cause: error });
    throw new RangeError(`${file}: onnxruntime cannot load this file: ${cause.message}`, { cause });
  }
}

function fedType({ name, types: [type] }: ExpectedTensor): "float32" | "float16" {
  if (type === "float32" || type === "float16") return type;
  throw new RangeError(`${name} must be float32 or float16 to be fed, given ${type}`);
}

/** onnxruntime says of a pointer in its weights' place only that it is too short. */
function refusePointersBeside(file: string): void {
  for (const location of weightsBeside(file)) refuseLfsPointer(join(dirname(file), location));
}

function weightsBeside(file: string): string[] {
  try {
    return readOnnxGraph(file).external.map(({ location }) => location);
  } catch (error) {
    // What is wrong with the graph itself is onnxruntime's to say.
    if (error instanceof RangeError) return [];
    throw error;
  }
}

/** Entries of onnxruntime's session configuration. */
type SessionEntries = Readonly<Record<string, string>>;

interface Source {
  /** The file, or its bytes where it was edited or its weights are elsewhere. */
  readonly graph: string | Uint8Array;
  readonly session: SessionEntries;
}

/** How a graph differs from its file. */
interface Edits {
  readonly taps: readonly string[];
  readonly fed: ExpectedTensor | undefined;
}

function sourceOf(file: string, { taps, fed }: Edits): Source {
  const isEdited = taps.length > 0 || fed !== undefined;
  // onnxruntime follows a file's links by itself, unless it is told a folder.
  if (!isEdited && strayWeights(file).length === 0) return { graph: file, session: {} };
  // A graph that comes as bytes does not know where weights in files beside it lie.
  const at = (folder: string) => ({ model_external_initializers_file_folder_path: folder });
  const cut = fed && { name: fed.name, type: fedType(fed) };
  if (cut && weightsBeside(file).length === 0) {
    return { graph: readShallowGraph(file, cut), session: at(dirname(file)) };
  }
  const { bytes, weightsFolder } = readWithRealWeights(file);
  const graph = cut ? shallowGraph(protobufIn(bytes), cut) : withOutputs(bytes, taps);
  return { graph, session: at(weightsFolder) };
}

/** Weights to which links lead out of the graph's real folder, which onnxruntime refuses to follow. */
function strayWeights(file: string): string[] {
  const folder = dirname(realpathSync(file));
  return weightsBeside(file).map((location) => join(dirname(file), location))
    .filter((weights) => existsSync(weights) && dirname(realpathSync(weights)) !== folder)
    .map((weights) => realpathSync(weights));
}

/** What a packed graph depends on beyond the graph's own folder. */
function traitsOf(file: string, { taps, fed }: Edits): PackedTraits {
  const stray = strayWeights(file).map((weights) => {
    const { size, mtimeMs } = statSync(weights);
    return `${weights} ${size} ${mtimeMs}`;
  });
  return { states: [VERSION, ...stray], edits: [...taps, fed?.name ?? ""] };
}

function createSession(
  graph: string | Uint8Array,
  settings: InferenceSession.SessionOptions,
): Promise<InferenceSession> {
  return typeof graph === "string"
    ? InferenceSession.create(graph, settings)
    : InferenceSession.create(graph, settings);
}

function settingsOf(
  { executionProvider, intraOpNumThreads, stepping = false, mapped = false }: SessionOptions,
  session: SessionEntries,
): InferenceSession.SessionOptions {
  return {
    executionProviders: [executionProvider],
    intraOpNumThreads: threadCount(intraOpNumThreads, PROCESSORS),
    interOpNumThreads: 1,
    executionMode: "sequential",
    // Folded constants and packed weights are copies, of fp16 in fp32; an arena keeps what fp16 weights
    // are cast to when they are used, and what a graph that runs once has used.
    graphOptimizationLevel: mapped ? "disabled" : "all",
    enableCpuMemArena: !mapped && stepping,
    // A pattern is allocated beside what the arena holds from the first run, so both stay in memory.
    enableMemPattern: false,
    logSeverityLevel: 3,
    extra: {
      session: {
        disable_prepacking: mapped ? "1" : "0",
        intra_op: { allow_spinning: stepping ? "1" : "0" },
        ...session,
      },
    },
  };
}

const VERSION = env.versions.node ?? "";
const PACKING: SessionEntries = {
  save_external_prepacked_constant_initializers: "1",
  optimized_model_external_initializers_file_name: PACKED_WEIGHTS,
  optimized_model_external_initializers_min_size_in_bytes: "1024",
};

/** Opens what was packed before; else opens the graph, and packs it where there is room. */
async function openPacked(
  place: PackedPlace,
  source: () => Source,
  options: SessionOptions,
): Promise<InferenceSession> {
  if (isPacked(place)) {
    const ready = { ...settingsOf(options, {}), graphOptimizationLevel: "disabled" } as const;
    const opened = await createSession(join(place.folder, PACKED_GRAPH), ready).catch(() => null);
    // One that is damaged is packed anew.
    if (opened) return opened;
  }
  const { graph, session } = source();
  const pack = (folder: string) =>
    createSession(graph, {
      ...settingsOf(options, { ...session, ...PACKING }),
      optimizedModelFilePath: join(folder, PACKED_GRAPH),
    });
  return await packInto(place, pack).catch(() =>
    createSession(graph, settingsOf(options, session))
  );
}

/** By the name that the engine uses. */
function checkTensors(
  what: string,
  metadata: readonly InferenceSession.ValueMetadata[],
  expected: readonly ExpectedTensor[],
): Map<string, CheckedTensor> {
  const checked = new Map<string, CheckedTensor>();
  for (const wanted of expected) {
    const { name, aliases = [], optional = false } = wanted;
    const names = [name, ...aliases];
    const value = metadata.find((value) => names.includes(value.name));
    if (value) {
      checked.set(name, checkTensor(what, value, wanted));
    } else if (!optional) {
      const given = metadata.map((value) => value.name).join(", ");
      throw new RangeError(`${what} ${names.join(" or ")} is missing, the file has ${given}`);
    }
  }
  return checked;
}

function checkTensor(
  what: string,
  value: InferenceSession.ValueMetadata,
  { types, shapes }: ExpectedTensor,
): CheckedTensor {
  const ownName = value.name;
  const given = value.isTensor ? value.type : "no tensor";
  const type = types.find((name) => name === given);
  if (!value.isTensor || !type) {
    throw new RangeError(`${what} ${ownName} must be ${types.join(" or ")}, given ${given}`);
  }
  const shape = value.shape.map((side) => typeof side === "number" && side > 0 ? side : null);
  if (shapes.some((allowed) => fits(shape, allowed))) return { ownName, type, shape };
  const allowed = shapes.map(show).join(" or ");
  throw new RangeError(`${what} ${ownName} must have shape ${allowed}, given ${show(shape)}`);
}

/** A side that either of the two leaves open fits. */
function fits(shape: readonly (number | null)[], allowed: readonly (number | null)[]): boolean {
  return shape.length === allowed.length &&
    shape.every((side, i) => side === null || allowed[i] === null || side === allowed[i]);
}

function show(shape: readonly (number | null)[]): string {
  return `[${shape.map((side) => side ?? "any").join(", ")}]`;
}

function toTensor({ data, shape }: Feed, type: TensorType): Tensor {
  if (data.length !== sizeOf(shape)) {
    throw new RangeError(`A feed of shape ${show(shape)} cannot hold ${data.length} values`);
  }
  switch (type) {
    case "float32":
      return new Tensor("float32", data instanceof Float32Array ? data : [...data], shape);
    case "float16":
      return halfTensor(data, shape);
    case "int32":
      return new Tensor("int32", Int32Array.from(data), shape);
    case "int64":
      // Fractions are cut off, as int32 and diffusers do with the timesteps of Karras' sigmas.
      return new Tensor(
        "int64",
        BigInt64Array.from(Array.from(data, (value) => BigInt(Math.trunc(value)))),
        shape,
      );
    case "bool":
      throw new RangeError("No graph is fed truth values");
  }
}

/**
 * onnxruntime turns fp16 into a Float16Array, which it then cannot read back natively under Deno 2.9:
 * it sees no bytes. So the native side is given the bits themselves.
 */
function halfTensor(data: Feed["data"], shape: readonly number[]): Tensor {
  const bits = new Uint16Array(Float16Array.from(data).buffer);
  return Object.defineProperty(new Tensor("float16", bits, shape), "cpuData", { value: bits });
}

function fromTensor(tensor: Tensor | undefined): Fetched {
  const values = tensor?.data;
  if (values instanceof Float32Array) return { data: values, shape: tensor?.dims ?? [] };
  if (values instanceof Float16Array || values instanceof Uint8Array && tensor?.type === "bool") {
    return { data: Float32Array.from(values), shape: tensor?.dims ?? [] };
  }
  throw new RangeError(`A graph gave ${tensor?.type ?? "nothing"} where float values were due`);
}
