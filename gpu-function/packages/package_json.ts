/** JSON files of a model package: read, checked, and refused by name. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
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
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    if ("code" in error && error.code === "ENOENT") return null;
    throw new RangeError(packageFault(file, error), { cause: error });
  }
}

/** @throws RangeError naming the file */
export function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new RangeError(`${file} is not valid JSON`, { cause });
  }
}
