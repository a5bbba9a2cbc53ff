/**
 * A model package: the diffusers/optimum ONNX folder as it is, plus an optional `shapefirst.json`.
 * Reads and checks everything but the graphs, so the edge's publishing and the CLI can use it too.
 */
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import * as v from "valibot";
import { LIMITS, type ModelManifest, parseModelManifest } from "../contract/mod.ts";
import { clipTokenizerJson } from "./clip_tokenizer_json.ts";
import {
  parseSchedulerConfig,
  SAMPLERS,
  samplersFor,
  type SchedulerConfig,
} from "./diffusion/mod.ts";
import { verifiedDigest } from "./package_digest.ts";

export interface ModelPackage {
  readonly folder: string;
  readonly manifest: ModelManifest;
  readonly tokenizerJson: object;
  readonly tokenizerConfig: object;
  readonly schedulerConfig: SchedulerConfig;
  /** Values of the denoiser's graph that hold cross-attention weights, one per layer. */
  readonly taps: readonly string[];
  readonly files: {
    readonly textEncoder: string;
    readonly denoiser: string;
    readonly vaeDecoder: string;
  };
}

const count = v.pipe(v.number(), v.integer(), v.minValue(1));
const rgb = v.tuple([v.number(), v.number(), v.number()]);
const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));

/** Closed: a misspelt field would otherwise be a setting that silently does nothing. */
const shapefirstJson = v.strictObject({
  id: v.optional(v.string()),
  name: v.optional(v.string()),
  description: v.optional(v.string()),
  defaults: v.optional(
    v.strictObject({
      width: v.optional(count),
      height: v.optional(count),
      num_inference_steps: v.optional(count),
      guidance_scale: v.optional(v.number()),
      sampler: v.optional(v.picklist([...SAMPLERS.keys()])),
    }),
    {},
  ),
  size: v.optional(v.strictObject({ min: count, max: count, multiple_of: count })),
  latent_rgb: v.optional(v.nullable(v.strictObject({ matrix: v.array(rgb), bias: rgb })), null),
  taps: v.optional(v.array(v.string()), []),
  digest: v.optional(sha256),
  files: v.optional(v.array(v.strictObject({ path: v.string(), bytes: count, sha256 }))),
});

type ShapefirstJson = v.InferOutput<typeof shapefirstJson>;

const PIPELINES = [
  "StableDiffusionPipeline",
  "OnnxStableDiffusionPipeline",
  "ORTStableDiffusionPipeline",
];
const modelIndex = v.object({ _class_name: v.picklist(PIPELINES) });
const textConfig = v.object({
  _class_name: v.optional(v.string()),
  architectures: v.optional(v.array(v.string()), []),
  max_position_embeddings: count,
});
const unetConfig = v.object({
  sample_size: count,
  in_channels: count,
  block_out_channels: v.optional(v.array(count), [1]),
});
const vaeConfig = v.object({
  latent_channels: count,
  scaling_factor: v.optional(v.number(), 0.18215),
  block_out_channels: v.pipe(v.array(count), v.minLength(1)),
});

/** Anywhere in a tokenizer's files a token is its text or an object around it. */
const token = v.union([
  v.string(),
  v.pipe(v.object({ content: v.string() }), v.transform(({ content }) => content)),
]);
const tokenizerConfig = v.looseObject({
  bos_token: token,
  eos_token: token,
  pad_token: token,
  unk_token: v.optional(v.nullable(token), null),
  model_max_length: v.optional(v.number(), Infinity),
});
const tokenizerJson = v.looseObject({
  added_tokens: v.optional(v.array(v.looseObject({ id: v.number(), content: v.string() })), []),
  model: v.looseObject({ vocab: v.record(v.string(), v.number()) }),
});

/** Sub-folders that hold a package, in order of their names. */
export async function listPackages(modelsDir: string): Promise<string[]> {
  const folders: string[] = [];
  for (const name of (await readdir(modelsDir)).sort()) {
    const folder = join(modelsDir, name);
    if (existsSync(join(folder, "model_index.json"))) folders.push(folder);
  }
  return folders;
}

/** @throws RangeError with a sentence that names the file and what is wrong with it */
export async function readModelPackage(folder: string): Promise<ModelPackage> {
  const extra = await readOptionalJson(folder, "shapefirst.json", shapefirstJson) ??
    v.parse(shapefirstJson, {});
  const tokenizer = await readTokenizer(folder);
  const schedulerConfig = await readSchedulerConfig(folder);
  const manifest = await assembleManifest(folder, extra, { tokenizer, schedulerConfig });
  return {
    folder,
    manifest,
    tokenizerJson: tokenizer.json,
    tokenizerConfig: tokenizer.config,
    schedulerConfig,
    taps: extra.taps,
    files: {
      textEncoder: join(folder, "text_encoder/model.onnx"),
      denoiser: join(folder, "unet/model.onnx"),
      vaeDecoder: join(folder, "vae_decoder/model.onnx"),
    },
  };
}

interface TokenizerFiles {
  readonly json: v.InferOutput<typeof tokenizerJson>;
  readonly config: v.InferOutput<typeof tokenizerConfig>;
}

async function assembleManifest(
  folder: string,
  extra: ShapefirstJson,
  { tokenizer, schedulerConfig }: {
    readonly tokenizer: TokenizerFiles;
    readonly schedulerConfig: SchedulerConfig;
  },
): Promise<ModelManifest> {
  const index = await readJson(folder, "model_index.json", modelIndex);
  const unet = await readJson(folder, "unet/config.json", unetConfig);
  const vae = await readJson(folder, "vae_decoder/config.json", vaeConfig);
  if (unet.in_channels !== vae.latent_channels) {
    throw new RangeError(
      `${join(folder, "unet/config.json")}: in_channels must be the VAE's latent_channels, ` +
        `${vae.latent_channels}, given ${unet.in_channels}`,
    );
  }
  const vae_scale_factor = 2 ** (vae.block_out_channels.length - 1);
  const side = unet.sample_size * vae_scale_factor;
  const multiple_of = vae_scale_factor * 2 ** (unet.block_out_channels.length - 1);
  const parsed = parseModelManifest({
    id: extra.id ?? idFromFolder(folder),
    name: extra.name ?? basename(folder),
    description: extra.description ?? "",
    pipeline: index._class_name,
    digest: await verifiedDigest(folder, extra),
    defaults: {
      width: extra.defaults.width ?? side,
      height: extra.defaults.height ?? side,
      num_inference_steps: extra.defaults.num_inference_steps ?? 50,
      guidance_scale: extra.defaults.guidance_scale ?? 7.5,
      sampler: defaultSampler(folder, extra, schedulerConfig),
    },
    size: extra.size ?? { min: multiple_of, max: Math.min(2 * side, LIMITS.sideMax), multiple_of },
    samplers: samplersFor(schedulerConfig),
    latents: {
      channels: vae.latent_channels,
      vae_scale_factor,
      scaling_factor: vae.scaling_factor,
    },
    text: await describeText(folder, tokenizer),
    latent_rgb: extra.latent_rgb,
  });
  if (!parsed.ok) throw new RangeError(`${folder}: ${parsed.problem.detail}`);
  return parsed.value;
}

/** The scheduler file's own, unless the package names another that fits the model. */
function defaultSampler(
  folder: string,
  { defaults }: ShapefirstJson,
  schedulerConfig: SchedulerConfig,
): string {
  const { sampler = schedulerConfig.sampler } = defaults;
  const fitting = samplersFor(schedulerConfig);
  if (fitting.includes(sampler)) return sampler;
  throw new RangeError(
    `${join(folder, "shapefirst.json")}: defaults.sampler must be one of ${fitting.join(", ")} ` +
      `for this scheduler, given ${sampler}`,
  );
}

/** Ids come from the tokenizer: CLIP's own text_encoder/config.json is known to have wrong ones. */
async function describeText(
  folder: string,
  { json, config }: TokenizerFiles,
): Promise<ModelManifest["text"]> {
  const encoder = await readJson(folder, "text_encoder/config.json", textConfig);
  const idOf = (field: string, content: string) => {
    const id = json.added_tokens.find((added) => added.content === content)?.id ??
      json.model.vocab[content];
    if (id !== undefined) return id;
    throw new RangeError(
      `${join(folder, "tokenizer/tokenizer_config.json")}: ${field} ${content} is no known token`,
    );
  };
  const eos_token_id = idOf("eos_token", config.eos_token);
  const unk = config.unk_token === null ? null : idOf("unk_token", config.unk_token);
  const architectures = [...encoder.architectures, encoder._class_name ?? ""];
  return {
    max_length: Math.min(encoder.max_position_embeddings, config.model_max_length),
    bos_token_id: idOf("bos_token", config.bos_token),
    eos_token_id,
    pad_token_id: idOf("pad_token", config.pad_token),
    // Byte-level vocabularies know every word, and name [EOS] here for want of anything else.
    unk_token_id: unk === eos_token_id ? null : unk,
    causal: architectures.some((name) => name.startsWith("CLIPText")),
  };
}

async function readTokenizer(folder: string): Promise<TokenizerFiles> {
  const config = await readJson(folder, "tokenizer/tokenizer_config.json", tokenizerConfig);
  const json = await readOptionalJson(folder, "tokenizer/tokenizer.json", tokenizerJson);
  if (json) return { config, json };
  const vocab = await readJson(folder, "tokenizer/vocab.json", v.record(v.string(), v.number()));
  const merges = await readText(folder, "tokenizer/merges.txt");
  if (merges === null) throw new RangeError(`${join(folder, "tokenizer/merges.txt")} is missing`);
  const special = [...new Set([config.bos_token, config.eos_token, config.pad_token])]
    // SD 2.x pads with "!", which is a word like any other when it is typed.
    .filter((content) => content.startsWith("<|"));
  return { config, json: v.parse(tokenizerJson, clipTokenizerJson(vocab, merges, special)) };
}

async function readSchedulerConfig(folder: string): Promise<SchedulerConfig> {
  const path = "scheduler/scheduler_config.json";
  const text = await readText(folder, path);
  if (text === null) throw new RangeError(`${join(folder, path)} is missing`);
  // Python writes `-Infinity`, which JSON does not know; -1e999 is read as the same number.
  const json = parseJson(join(folder, path), text.replace(/(?<=:\s*)-Infinity\b/g, "-1e999"));
  try {
    return parseSchedulerConfig(json);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new RangeError(`${join(folder, path)}: ${error.message}`, { cause: error });
  }
}

function idFromFolder(folder: string): string {
  return basename(folder).toLowerCase().replace(/[^a-z0-9._-]+/g, "-").replace(/^[^a-z0-9]+/, "");
}

async function readJson<const S extends v.GenericSchema>(
  folder: string,
  path: string,
  schema: S,
): Promise<v.InferOutput<S>> {
  const value = await readOptionalJson(folder, path, schema);
  if (value === null) throw new RangeError(`${join(folder, path)} is missing`);
  return value;
}

/** Null when there is no such file. */
async function readOptionalJson<const S extends v.GenericSchema>(
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

function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new RangeError(`${file} is not valid JSON`, { cause });
  }
}

async function readText(folder: string, path: string): Promise<string | null> {
  try {
    return await readFile(join(folder, path), "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}
