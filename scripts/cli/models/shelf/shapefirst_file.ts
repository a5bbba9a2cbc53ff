/** Reads and writes `shapefirst.json`, with fields in the order of the previous file. */
import { join } from "node:path";
import type { PackageFile } from "../../../../gpu-function/packages/package_digest.ts";
import { parseJson, readText } from "../../../../gpu-function/packages/package_json.ts";
import { writeWhole } from "../../../command_line/whole_file.ts";

/** Has only the fields written here; `model_package.ts` knows all and refuses unknown ones. */
export interface ShapefirstJson {
  readonly id?: string;
  readonly name?: string;
  readonly defaults?: Readonly<Record<string, unknown>>;
  readonly size?: unknown;
  readonly latent_rgb?: unknown;
  readonly taps?: readonly string[];
  readonly cuts?: readonly { readonly value: string; readonly compute: number }[];
  readonly digest?: string;
  readonly files?: readonly PackageFile[];
}

const NAME = "shapefirst.json";

/**
 * Returns an empty object when there is no file.
 * @throws RangeError naming the file when it is not a JSON object
 */
export async function readShapefirst(folder: string): Promise<ShapefirstJson> {
  const text = await readText(folder, NAME);
  if (text === null) return {};
  const json = parseJson(join(folder, NAME), text);
  if (typeof json === "object" && json !== null && !Array.isArray(json)) return json;
  throw new RangeError(`${join(folder, NAME)} must be a JSON object`);
}

export async function writeShapefirst(folder: string, content: ShapefirstJson): Promise<void> {
  await writeWhole(join(folder, NAME), JSON.stringify(content, null, 2) + "\n");
}
