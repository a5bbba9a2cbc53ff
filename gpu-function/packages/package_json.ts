/** JSON files of a model package: read, checked, and refused by name. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { isLfsPointer, lfsSentence } from "../onnx/graph_file/lfs_pointer.ts";
import { type OnnxGraph, readOnnxGraph } from "../onnx/graph_file/onnx_graph.ts";
import { packageFault } from "./package_fault.ts";

/** @throws RangeError naming the file that is missing, no JSON or not as the schema says */
export async function readJson<const S extends v.GenericSchema>(
  folder: string,
  path: string,
  schema: S,
): Promise<v.InferOutput<S>> {
  const value = await readOptionalJson(folder, path, schema);
  if (value === null) throw new RangeError(`${join(folder, path)} is missing`);
  return value;
}

/**
 * The `config.json` of a part, or in its place what the part's graph says.
 * @param told null where the file has to be there
 * @throws RangeError as `readJson`, and naming the graph that is missing or no graph
 */
export async function readConfig<const S extends v.GenericSchema>(
  folder: string,
  part: string,
  schema: S,
  told: ((graph: OnnxGraph) => object) | null,
): Promise<v.InferOutput<S>> {
  const path = `${part}/config.json`;
  const value = told ? await readOptionalJson(folder, path, schema) : null;
  if (value !== null || !told) return value ?? await readJson(folder, path, schema);
  return v.parse(schema, told(readOnnxGraph(join(folder, part, "model.onnx"))));
}

/** Null when there is no such file. @throws RangeError as `readJson` */
export async function readOptionalJson<const S extends v.GenericSchema>(
  folder: string,
  path: string,
  schema: S,
): Promise<v.InferOutput<S> | null> {
  const text = await readText(folder, path);
  if (text === null) return null;
  const result = v.safeParse(schema, parseJson(join(folder, path), text));
  if (result.success) return result.output;
  const [first] = result.issues;
  const where = v.getDotPath(first) ?? "the file";
  throw new RangeError(`${join(folder, path)}: ${where}: ${first.message}`);
}

/** Null when there is no such file. @throws RangeError naming the file that is there and cannot be read */
export async function readText(folder: string, path: string): Promise<string | null> {
  const file = join(folder, path);
  const bytes = await readBytes(file);
  if (bytes === null) return null;
  const text = decode(bytes);
  if (isLfsPointer(text)) throw new RangeError(lfsSentence(file));
  return text;
}

async function readBytes(file: string): Promise<Uint8Array | null> {
  try {
    return await readFile(file);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    if ("code" in error && error.code === "ENOENT") return null;
    throw new RangeError(packageFault(file, error), { cause: error });
  }
}

/** Editors and shells of Windows put a byte order mark in front, which decoding takes away. */
function decode(bytes: Uint8Array): string {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return new TextDecoder("utf-16le").decode(bytes);
  if (first === 0xfe && second === 0xff) return new TextDecoder("utf-16be").decode(bytes);
  return new TextDecoder().decode(bytes);
}

/** @throws RangeError naming the file */
export function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new RangeError(`${file} is not valid JSON`, { cause });
  }
}
