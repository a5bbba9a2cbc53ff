/** Which files of a repository a package needs, from a list that a stranger wrote. */
import type { ListFileEntry } from "@huggingface/hub";
import { isModelFolder } from "../../../../gpu-function/packages/package_digest.ts";

export interface RemoteFile {
  /** In the package. */
  readonly path: string;
  /** In the repository. */
  readonly remotePath: string;
  readonly bytes: number;
  /** Large files are known by the hash of their content, small ones by that of git. */
  readonly hash: { readonly algorithm: "sha256" | "git-sha1"; readonly digest: string };
}

/** Weights of other frameworks, documentation and pictures. */
const NOT_NEEDED = /\.(safetensors|bin|msgpack|h5|ckpt|pt|pth|index\.json|md|png|jpe?g)$/;
const ROOT_FILES = /^(model_index\.json|shapefirst\.json|LICENSE(\.\w+)?)$/;
/** As `package_digest.ts` counts them. */
const SAFETY_CHECKER =
  /^(safety_checker\/model\.onnx[^/]*|feature_extractor\/preprocessor_config\.json)$/;
const GRAPHS = ["text_encoder", "vae_decoder", "unet or transformer"];

/**
 * Configurations first, then weights, small ones before large ones.
 * @param subfolder where in the repository the package lies; empty for its root
 * @throws RangeError for a name that leads out of the folder, and when parts of a package are missing
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

/** Weights, and the record that names their hashes, which cannot be checked before they are there. */
export function isWeights({ path }: RemoteFile): boolean {
  return rank({ path }) > 0;
}

function rank({ path }: Pick<RemoteFile, "path">): number {
  return /\.onnx|\.pb$|^shapefirst\.json$/.test(path) ? 1 : 0;
}

/** A name from the network becomes a path on this machine; both kinds of machine count. */
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
  // Other precisions lie beside as model_fp16.onnx and model_fp16.onnx_data.
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
