/**
 * The identity of a model package: SHA-256 over the list of its files. Part of every content key, so two
 * machines with other weights never share a result.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { contentKey } from "../../contract/mod.ts";

export interface PackageFile {
  /** Relative to the package, with forward slashes. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** What `shapefirst.json` records of its package; either may be left out. */
export interface RecordedPackage {
  readonly digest?: string | undefined;
  readonly files?: readonly PackageFile[] | undefined;
}

/** Beyond this only sizes are compared when a package is loaded, so that large weights load at once. */
const HASHED_BYTES_MAX = 64 * 1024 * 1024;

/** Parts of a model; diffusers numbers further ones of a kind, as in `text_encoder_2`. */
const PART = /^(scheduler|text_encoder|tokenizer|transformer|unet|vae_decoder)(_\d+)?$/;

/** Whether a package's folder is part of the model; what lies elsewhere cannot change an image. */
export function isModelFolder(name: string): boolean {
  return PART.test(name);
}

export function digestOf(files: readonly PackageFile[]): string {
  const sorted = [...files].sort((a, b) => (a.path < b.path ? -1 : 1));
  return contentKey(sorted.map(({ path, bytes, sha256 }) => ({ path, bytes, sha256 })));
}

/** Reads and hashes every file of the model. */
export async function hashPackage(folder: string): Promise<PackageFile[]> {
  const files: PackageFile[] = [];
  for (const { path, bytes } of await listPackage(folder)) {
    files.push({ path, bytes, sha256: await hashFile(join(folder, path)) });
  }
  return files;
}

/**
 * The package's digest, after a check against what is recorded.
 * @throws RangeError naming the first file that is not as recorded
 */
export async function verifiedDigest(folder: string, recorded: RecordedPackage): Promise<string> {
  if (recorded.files) await verifyFiles(folder, recorded.files);
  const digest = digestOf(recorded.files ?? await hashPackage(folder));
  if (recorded.digest === undefined || recorded.digest === digest) return digest;
  throw new RangeError(
    `${join(folder, "shapefirst.json")}: digest must be that of the package's files, ${digest}, ` +
      `given ${recorded.digest}`,
  );
}

async function verifyFiles(folder: string, recorded: readonly PackageFile[]): Promise<void> {
  const present = await listPackage(folder);
  comparePaths(folder, present.map(({ path }) => path), recorded.map(({ path }) => path));
  const total = present.reduce((sum, { bytes }) => sum + bytes, 0);
  for (const { path, bytes } of present) {
    const expected = recorded.find((file) => file.path === path);
    if (bytes !== expected?.bytes) {
      throw mismatch(folder, path, `${expected?.bytes} bytes`, `${bytes} bytes`);
    }
    if (total > HASHED_BYTES_MAX) continue;
    const sha256 = await hashFile(join(folder, path));
    if (sha256 !== expected.sha256) {
      throw mismatch(folder, path, `SHA-256 ${expected.sha256}`, sha256);
    }
  }
}

function comparePaths(
  folder: string,
  present: readonly string[],
  recorded: readonly string[],
): void {
  const missing = recorded.find((path) => !present.includes(path));
  if (missing) throw mismatch(folder, missing, "present", "nothing");
  const extra = present.find((path) => !recorded.includes(path));
  if (extra) throw mismatch(folder, extra, "absent, since shapefirst.json does not list it", extra);
}

function mismatch(folder: string, path: string, allowed: string, given: string): RangeError {
  return new RangeError(
    `${join(folder, path)} must be ${allowed}, given ${given}: the package is damaged or changed`,
  );
}

async function listPackage(folder: string): Promise<{ path: string; bytes: number }[]> {
  const paths = ["model_index.json"];
  const folders = (await readdir(folder).catch(() => [])).filter(isModelFolder).sort();
  for (const name of folders) paths.push(...await listFolder(folder, name));
  // Only the decoder's graph of the VAE is used, but its configuration may lie here.
  const vae = await listFolder(folder, "vae");
  if (!paths.includes("vae_decoder/config.json")) {
    paths.push(...vae.filter((path) => path === "vae/config.json"));
  }
  paths.push(...await listSafetyChecker(folder));
  return await Promise.all(
    paths.map(async (path) => ({ path, bytes: (await stat(join(folder, path))).size })),
  );
}

/** Only a checker that runs counts: most downloads have one for other frameworks beside. */
async function listSafetyChecker(folder: string): Promise<string[]> {
  const graphs = (await listFolder(folder, "safety_checker")).filter((path) =>
    /\/model\.onnx/.test(path)
  );
  if (!graphs.includes("safety_checker/model.onnx")) return [];
  const processor = "feature_extractor/preprocessor_config.json";
  const extractor = await listFolder(folder, "feature_extractor");
  return [...graphs, ...extractor.filter((path) => path === processor)];
}

async function listFolder(folder: string, name: string): Promise<string[]> {
  const entries = await readdir(join(folder, name), { withFileTypes: true }).catch(() => []);
  // Download caches hold links to files, which count as the files.
  const files = entries.filter((entry) => entry.isFile() || entry.isSymbolicLink());
  return files.map((entry) => `${name}/${entry.name}`);
}

async function hashFile(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file)) hash.update(chunk);
  return hash.digest("hex");
}
