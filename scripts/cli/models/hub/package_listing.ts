/** Selects the files that a package needs, from a list that a stranger wrote. */
import type { ListFileEntry } from "@huggingface/hub";
import { isModelFolder } from "../../../../gpu-function/packages/package_digest.ts";

export interface RemoteFile {
  /** Path in the package. */
  readonly path: string;
  /** Path in the repository. */
  readonly remotePath: string;
  readonly bytes: number;
  /** Hash of the content for large files, git's hash for small ones. */
  readonly hash: { readonly algorithm: "sha256" | "git-sha1"; readonly digest: string };
}

/** Weights of other frameworks, documentation and pictures are not needed. */
const NOT_NEEDED = /\.(safetensors|bin|msgpack|h5|ckpt|pt|pth|index\.json|md|png|jpe?g)$/;
const ROOT_FILES = /^(model_index\.json|shapefirst\.json|LICENSE(\.\w+)?)$/;
/** The same files count here as in `package_digest.ts`. */
const SAFETY_CHECKER =
  /^(safety_checker\/model\.onnx[^/]*|feature_extractor\/preprocessor_config\.json)$/;
const GRAPHS = ["text_encoder", "vae_decoder", "unet or transformer"];

/**
 * Sorts configurations before weights, small weights before large ones.
 * @param subfolder path of the package in the repository; empty for its root
 * @throws RangeError for a name that leads out of the folder, or when part of a package is missing
 */
export function selectPackageFiles(
  entries: readonly ListFileEntry[],
  subfolder: string,
): RemoteFile[] {
  const prefix = subfolder === "" ? "" : `${subfolder}/`;
  const listed = new Set(entries.map(({ path }) => path));
  const files: RemoteFile[] = [];
  for (const { type, path: remotePath, size, oid, lfs } of entries) {
    requireSafe(remotePath);
    if (type !== "file" || !remotePath.startsWith(prefix)) continue;
    const path = remotePath.slice(prefix.length);
    // Only the decoder's graph of the VAE is used, but its configuration may lie here.
    const isVaeConfig = path === "vae/config.json" &&
      !listed.has(`${prefix}vae_decoder/config.json`);
    const isOfChecker = listed.has(`${prefix}safety_checker/model.onnx`) &&
      SAFETY_CHECKER.test(path);
    if (!isVaeConfig && !isOfChecker && !isNeeded(path)) continue;
    const hash = lfs
      ? { algorithm: "sha256" as const, digest: lfs.oid }
      : { algorithm: "git-sha1" as const, digest: oid ?? "" };
    files.push({ path, remotePath, bytes: lfs?.size ?? size, hash });
  }
  requireParts(files.map(({ path }) => path), entries);
  return files.sort((a, b) => rank(a) - rank(b) || a.bytes - b.bytes);
}

/** The record that names the weights' hashes comes with them, since it cannot be checked before. */
export function isWeights({ path }: RemoteFile): boolean {
  return rank({ path }) > 0;
}

function rank({ path }: Pick<RemoteFile, "path">): number {
  return /\.onnx|\.pb$|^shapefirst\.json$/.test(path) ? 1 : 0;
}

/** A name from the network becomes a path here, on Windows too. */
function requireSafe(path: string): void {
  const segments = path.split("/");
  const unsafe = segments.some((name) => name === "" || name === "." || name === "..") ||
    // deno-lint-ignore no-control-regex -- control characters are what is looked for
    /[\\:\x00-\x1f\x7f]/.test(path);
  if (!unsafe) return;
  throw new RangeError(
    `The repository lists ${
      JSON.stringify(path)
    }, a name that could lead out of the folder: refused`,
  );
}

function isNeeded(path: string): boolean {
  const [folder = "", file, ...deeper] = path.split("/");
  if (file === undefined) return ROOT_FILES.test(folder);
  if (deeper.length > 0 || !isModelFolder(folder)) return false;
  // Other precisions lie beside it as model_fp16.onnx and model_fp16.onnx_data.
  if (/\.onnx/.test(file)) return file.startsWith("model.onnx");
  return !NOT_NEEDED.test(file);
}

function requireParts(paths: readonly string[], entries: readonly ListFileEntry[]): void {
  const onnx = entries.filter(({ path }) => path.endsWith(".onnx")).map(({ path }) => path);
  if (onnx.length === 0) {
    throw new RangeError(
      "The repository has no ONNX files: scripts/training/export makes such a folder from a checkpoint, " +
        "and `deno task models add` takes it",
    );
  }
  const missing = GRAPHS.find((folders) =>
    !folders.split(" or ").some((folder) => paths.includes(`${folder}/model.onnx`))
  );
  const lacks = !paths.includes("model_index.json")
    ? "model_index.json"
    : missing && `${missing}/model.onnx`;
  if (!lacks) return;
  throw new RangeError(
    `The repository has no ${lacks} at this place, but ${onnx[0]}: another --subfolder may be it`,
  );
}
