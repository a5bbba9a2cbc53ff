/**
 * Weights in files beside a graph, for onnxruntime to find when it gets the graph as bytes. It takes files
 * from one real folder alone, and download caches keep what a name stands for elsewhere, under a hash. So
 * the graph is told the real names. Field numbers are those of onnx.proto.
 */
import { realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { join as joinBytes, message, text } from "./protobuf_writer.ts";
import { readOnnxGraph } from "./onnx_graph.ts";
import { openProtobufFile, type ProtobufField, type ProtobufFile } from "./protobuf_file.ts";

export interface BytesOfGraph {
  readonly bytes: Uint8Array;
  /** The folder of the weights, all links resolved. */
  readonly weightsFolder: string;
}

/** @throws RangeError when links lead to more folders than one */
export function readWithRealWeights(file: string): BytesOfGraph {
  const names = new Map<string, string>();
  const folders = new Set<string>();
  for (const { location } of readOnnxGraph(file).external) {
    const real = realpathSync(join(dirname(file), location));
    names.set(location, basename(real));
    folders.add(dirname(real));
  }
  if (folders.size > 1) {
    throw new RangeError(
      `its weights are links into several folders, ${[...folders].join(", ")}: ` +
        "`deno task models add` without --link copies them into one",
    );
  }
  const [weightsFolder = realpathSync(dirname(file))] = folders;
  const source = openProtobufFile(file);
  try {
    return { bytes: withNames(source, names), weightsFolder };
  } finally {
    source.close();
  }
}

/** ModelProto.graph, GraphProto.initializer, TensorProto.external_data: what leads to a location. */
const PATH = [7, 5, 13] as const;
const ENTRY = { key: 1, value: 2 };

function withNames(source: ProtobufFile, names: ReadonlyMap<string, string>): Uint8Array {
  if ([...names].every(([stated, real]) => stated === real)) {
    return source.bytes({ start: 0, end: source.size });
  }
  return rewritten({ start: 0, end: source.size }, PATH);

  /** The message in this range, with the messages at the end of the path replaced. */
  function rewritten(range: Pick<ProtobufField, "start" | "end">, path: readonly number[]) {
    const [number, ...deeper] = path;
    if (number === undefined) return renamed(range);
    const pieces = [...source.fields(range.start, range.end)].map((field): Uint8Array =>
      field.number === number
        ? message(number, rewritten(field, deeper))
        : source.bytes({ start: field.tag, end: field.end })
    );
    return joinBytes(pieces);
  }

  function renamed({ start, end }: Pick<ProtobufField, "start" | "end">): Uint8Array {
    const fields = [...source.fields(start, end)];
    const valueOf = (wanted: number) => {
      const field = fields.find(({ number }) => number === wanted);
      return field ? source.text(field) : "";
    };
    const [key, value] = [valueOf(ENTRY.key), valueOf(ENTRY.value)];
    const told = key === "location" ? names.get(value) ?? value : value;
    return joinBytes([text(ENTRY.key, key), text(ENTRY.value, told)]);
  }
}
