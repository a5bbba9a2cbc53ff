/** Reads JSON files that a person may have written. */
import { readFile } from "node:fs/promises";
import * as v from "valibot";

/**
 * @param lacking follows the name of a file that is missing or not JSON, in the error
 * @throws RangeError naming the file and what is wrong with it
 */
export async function readJsonFile<T>(
  file: string,
  schema: v.GenericSchema<unknown, T>,
  lacking: string,
): Promise<T> {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(file, "utf8"));
  } catch (cause) {
    throw new RangeError(`${file} ${lacking}`, { cause });
  }
  const result = v.safeParse(schema, json);
  if (result.success) return result.output;
  const [first] = result.issues;
  throw new RangeError(`${file}: ${v.getDotPath(first) ?? "the file"}: ${first.message}`);
}
