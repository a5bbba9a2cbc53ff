/** Models from published JSON files: static assets on workerd, a folder on Deno. */
import {
  createPromptTokenizer,
  type ModelManifest,
  parseModelManifest,
  type PlanningModel,
  ProblemError,
  type PromptTokenizer,
} from "../../contract/mod.ts";
import type { ModelCatalog } from "../generations/planning.ts";

/** A JSON file by its path from the site's root; null where there is none. */
export type ReadAsset = (path: string) => Promise<unknown>;

const MODEL_ID = /^[a-z0-9][a-z0-9._-]{0,63}$/;

/** How long a newly published model may go unseen. */
const MANIFEST_MS = 2_000;

/** Reads manifests every two seconds at most, and each tokeniser, by digest, once. */
export function createAssetModels(
  readAsset: ReadAsset,
  now: () => number = () => Date.now(),
): ModelCatalog {
  const tokenizers = new Map<string, Promise<PromptTokenizer>>();
  const manifests = new Map<
    string,
    { readonly manifest: ModelManifest; readonly readAt: number }
  >();

  async function findManifest(id: string): Promise<ModelManifest | null> {
    const known = manifests.get(id);
    if (known && now() - known.readAt < MANIFEST_MS) return known.manifest;
    const manifest = await readManifest(id);
    if (manifest) manifests.set(id, { manifest, readAt: now() });
    else manifests.delete(id);
    return manifest;
  }

  async function readManifest(id: string): Promise<ModelManifest | null> {
    if (!MODEL_ID.test(id)) return null;
    const json = await readAsset(`/models/${id}/manifest.json`);
    if (json === null) return null;
    const manifest = parseModelManifest(json);
    if (!manifest.ok) throw new ProblemError(manifest.problem);
    return manifest.value;
  }

  async function readTokenizer({ id, text }: ModelManifest): Promise<PromptTokenizer> {
    const [tokenizer, config] = await Promise.all([
      readAsset(`/models/${id}/tokenizer.json`),
      readAsset(`/models/${id}/tokenizer_config.json`),
    ]);
    if (!isObject(tokenizer) || !isObject(config)) {
      throw new Error(`Model ${id} was published without its tokeniser`);
    }
    return createPromptTokenizer(tokenizer, config, text);
  }

  function cachedTokenizer(manifest: ModelManifest): Promise<PromptTokenizer> {
    const key = `${manifest.id} ${manifest.digest}`;
    const known = tokenizers.get(key);
    if (known) return known;
    const reading = readTokenizer(manifest);
    tokenizers.set(key, reading);
    reading.catch(() => tokenizers.delete(key));
    return reading;
  }

  return {
    async list() {
      const index = await readAsset("/models/index.json");
      const ids = isObject(index) && Array.isArray(index.models) ? index.models : [];
      const manifests = await Promise.all(ids.map((id) => findManifest(String(id))));
      return manifests.filter((manifest) => manifest !== null);
    },
    async find(id): Promise<PlanningModel | null> {
      const manifest = await findManifest(id);
      return manifest ? { manifest, tokenizer: await cachedTokenizer(manifest) } : null;
    },
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
