/** Models from published JSON files: static assets on workerd, a folder on Deno. */
import {
  createPromptTokenizer,
  type ModelManifest,
  parseModelManifest,
  type PlanningModel,
  ProblemError,
  type PromptTokenizer,
} from "../../contract/mod.ts";
import type { ModelCatalog } from "../ports.ts";

/** A JSON file by its path from the site's root; null where there is none. */
export type ReadAsset = (path: string) => Promise<unknown>;

const MODEL_ID = /^[a-z0-9][a-z0-9._-]{0,63}$/;

/** Manifests are read each time, so that a newly published model shows; tokenisers by digest, once. */
export function createAssetModels(readAsset: ReadAsset): ModelCatalog {
  const tokenizers = new Map<string, Promise<PromptTokenizer>>();

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
      const manifests = await Promise.all(ids.map((id) => readManifest(String(id))));
      return manifests.filter((manifest) => manifest !== null);
    },
    async find(id): Promise<PlanningModel | null> {
      const manifest = await readManifest(id);
      return manifest ? { manifest, tokenizer: await cachedTokenizer(manifest) } : null;
    },
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
