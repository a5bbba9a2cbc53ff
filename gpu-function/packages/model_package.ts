/**
 * A model package: the diffusers/optimum ONNX folder as it is, plus an optional `shapefirst.json`.
 * Reads and checks everything but the graphs, so the edge's publishing and the CLI can use it too.
 */
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import * as v from "valibot";
import {
  frontPoint,
  INSIGHTS,
  INSIGHTS_WITHOUT_TAPS,
  isModelId,
  LIMITS,
  MODEL_ID_RULE,
  type ModelManifest,
  parseModelManifest,
  type PlanningModel,
} from "../../contract/mod.ts";
import {
  parseSchedulerConfig,
  SAMPLERS,
  samplersFor,
  type SchedulerConfig,
} from "../diffusion/mod.ts";
import type {
  DenoiserConfig,
  GraphsAlone,
  ModelFamily,
  TextPart,
} from "./families/model_family.ts";
import { familyOf } from "./families/registry.ts";
import { verifiedDigest } from "./package_digest.ts";
import { parseJson, readConfig, readJson, readOptionalJson, readText } from "./package_json.ts";
import { assembleText, describeText, type PackageText, readTextPart } from "./package_text.ts";
import { readTokenizer, type TokenizerFiles } from "./tokenizer_files.ts";
import type { SafetyCheckerFiles } from "../onnx/safety_checker.ts";
import type { VaeForm } from "../onnx/vae_decoder.ts";

/** Prompts are planned with the manifest and the first text part's tokenizer. */
export interface ModelPackage extends PlanningModel {
  readonly folder: string;
  readonly family: ModelFamily;
  /** In the family's order. */
  readonly text: readonly [PackageText, ...PackageText[]];
  readonly schedulerConfig: SchedulerConfig;
  readonly denoiserConfig: DenoiserConfig;
  readonly vae: VaeForm;
  /** Values of the denoiser's graph that hold cross-attention weights, one per layer. */
  readonly taps: readonly string[];
  readonly files: {
    readonly denoiser: string;
    readonly vaeDecoder: string;
    /** Null where the package has none. */
    readonly safetyChecker: SafetyCheckerFiles | null;
  };
}

const count = v.pipe(v.number(), v.integer(), v.minValue(1));
const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
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
  /** Tokens of a prompt where the encoder's config sets no limit: PixArt has models of 120 and 300. */
  max_length: v.optional(count),
  size: v.optional(v.strictObject({ min: count, max: count, multiple_of: count })),
  latent_rgb: v.optional(v.nullable(v.strictObject({ matrix: v.array(rgb), bias: rgb })), null),
  taps: v.optional(v.array(v.string()), []),
  /** As in the manifest. */
  cuts: v.optional(v.array(v.strictObject({ value: v.string(), compute: share })), []),
  /** As in the manifest; `deno task models front` writes it. */
  front: v.optional(v.array(frontPoint), []),
  digest: v.optional(sha256),
  files: v.optional(v.array(v.strictObject({ path: v.string(), bytes: count, sha256 }))),
});

type ShapefirstJson = v.InferOutput<typeof shapefirstJson>;

const modelIndex = v.object({ _class_name: v.string() });
const vaeConfig = v.object({
  latent_channels: count,
  scaling_factor: v.optional(v.number(), 0.18215),
  shift_factor: v.nullish(v.number(), 0),
  block_out_channels: v.pipe(v.array(count), v.minLength(1)),
});

type VaeConfig = v.InferOutput<typeof vaeConfig>;

/** Sub-folders that hold a package, in order of their names. */
export async function listPackages(modelsDir: string): Promise<string[]> {
  const folders: string[] = [];
  for (const name of (await readdir(modelsDir)).sort()) {
    const folder = join(modelsDir, name);
    if (existsSync(join(folder, "model_index.json"))) folders.push(folder);
  }
  return folders;
}

/**
 * Graphs need not be there yet unless configurations are read from them, so that a download can stop before gigabytes of what cannot be served.
 * @param givenId in place of the one that the package or its folder has
 * @throws RangeError with a sentence that names the file and what is wrong with it
 */
export async function readModelPackage(folder: string, givenId?: string): Promise<ModelPackage> {
  const recorded = await readOptionalJson(folder, "shapefirst.json", shapefirstJson) ??
    v.parse(shapefirstJson, {});
  const extra = givenId === undefined ? recorded : { ...recorded, id: givenId };
  const { pipeline, family } = await readFamily(folder);
  const [planning, ...others] = family.text;
  const first = { ...planning, maxLength: extra.max_length ?? planning.maxLength };
  const tokenizer = await readTokenizer(folder, first);
  const { folder: denoiser, config } = family.denoiser;
  const graphs = configsInGraphs(pipeline, family);
  const told = graphs?.textEncoder ?? null;
  const parts = {
    pipeline,
    family,
    part: first,
    graphs,
    tokenizer,
    schedulerConfig: await readSchedulerConfig(folder),
    denoiserConfig: await readConfig(folder, denoiser, config, graphs?.denoiser ?? null),
    vaeConfig: await readVaeConfig(folder, graphs?.vaeDecoder ?? null),
  };
  const manifest = await assembleManifest(folder, extra, parts);
  const graph = (part: string) => join(folder, part, "model.onnx");
  const text = assembleText(folder, first, tokenizer, manifest.text);
  return {
    folder,
    family,
    manifest,
    tokenizer: text.tokenizer,
    text: [text, ...await Promise.all(others.map((part) => readTextPart(folder, part, told)))],
    schedulerConfig: parts.schedulerConfig,
    denoiserConfig: parts.denoiserConfig,
    vae: {
      channels: parts.vaeConfig.latent_channels,
      scaling_factor: parts.vaeConfig.scaling_factor,
      shift_factor: parts.vaeConfig.shift_factor,
    },
    taps: extra.taps,
    files: {
      denoiser: graph(denoiser),
      vaeDecoder: graph("vae_decoder"),
      safetyChecker: existsSync(graph("safety_checker"))
        ? { graph: graph("safety_checker"), processor: join(folder, "feature_extractor") }
        : null,
    },
  };
}

/** Whether configurations that are missing are read from graphs. @throws RangeError as `readModelPackage` */
export async function readsGraphs(folder: string): Promise<boolean> {
  const { pipeline, family } = await readFamily(folder);
  return configsInGraphs(pipeline, family) !== null;
}

function configsInGraphs(
  pipeline: string,
  { graphsAlone }: ModelFamily,
): GraphsAlone["configs"] | null {
  return graphsAlone?.pipelines.includes(pipeline) ? graphsAlone.configs : null;
}

/** What is read before the manifest, which needs all of it. */
interface PackageParts {
  readonly pipeline: string;
  readonly family: ModelFamily;
  readonly part: TextPart;
  /** What graphs say in place of their configurations; null where these have to be there. */
  readonly graphs: GraphsAlone["configs"] | null;
  readonly tokenizer: TokenizerFiles;
  readonly schedulerConfig: SchedulerConfig;
  readonly denoiserConfig: DenoiserConfig;
  readonly vaeConfig: VaeConfig;
}

async function readFamily(folder: string): Promise<Pick<PackageParts, "pipeline" | "family">> {
  const path = "model_index.json";
  const { _class_name: pipeline } = await readJson(folder, path, modelIndex);
  return { pipeline, family: naming(join(folder, path), () => familyOf(pipeline)) };
}

async function assembleManifest(
  folder: string,
  extra: ShapefirstJson,
  parts: PackageParts,
): Promise<ModelManifest> {
  const { pipeline, family, part, tokenizer, schedulerConfig, vaeConfig: vae } = parts;
  const { channels, sampleSize, multipleOf } = parts.denoiserConfig;
  if (channels !== vae.latent_channels) {
    throw new RangeError(
      `${join(folder, family.denoiser.folder, "config.json")}: in_channels must be the VAE's ` +
        `latent_channels, ${vae.latent_channels}, given ${channels}`,
    );
  }
  const vae_scale_factor = 2 ** (vae.block_out_channels.length - 1);
  const [height, width] = sampleSize.map((side) => side * vae_scale_factor);
  const max = Math.min(2 * Math.max(...sampleSize) * vae_scale_factor, LIMITS.sideMax);
  const multiple_of = vae_scale_factor * multipleOf;
  const parsed = parseModelManifest({
    id: extra.id === undefined ? idFromFolder(folder) : requireId(folder, extra.id),
    name: extra.name ?? basename(folder),
    description: extra.description ?? "",
    pipeline,
    digest: await verifiedDigest(folder, extra),
    defaults: {
      width: extra.defaults.width ?? width,
      height: extra.defaults.height ?? height,
      num_inference_steps: extra.defaults.num_inference_steps ??
        family.defaults.num_inference_steps,
      guidance_scale: extra.defaults.guidance_scale ?? family.defaults.guidance_scale,
      sampler: defaultSampler(folder, extra, schedulerConfig),
    },
    size: extra.size ?? { min: multiple_of, max, multiple_of },
    samplers: samplersFor(schedulerConfig),
    timestep_spacing: schedulerConfig.timestep_spacing ?? null,
    latents: {
      channels: vae.latent_channels,
      vae_scale_factor,
      scaling_factor: vae.scaling_factor,
    },
    text: await describeText(folder, tokenizer, part, parts.graphs?.textEncoder ?? null),
    latent_rgb: extra.latent_rgb ?? sharedRgb(family.latents, vae),
    cuts: extra.cuts,
    front: extra.front,
    insights: extra.taps.length > 0 ? [...INSIGHTS] : [...INSIGHTS_WITHOUT_TAPS],
  });
  if (!parsed.ok) throw new RangeError(`${folder}: ${parsed.problem.detail}`);
  return parsed.value;
}

/** The family's map where the package's VAE has the family's latents; null where it has its own. */
function sharedRgb(
  { channels, scalingFactor, rgb }: ModelFamily["latents"],
  vae: { readonly latent_channels: number; readonly scaling_factor: number },
): ModelManifest["latent_rgb"] {
  return vae.latent_channels === channels && vae.scaling_factor === scalingFactor ? rgb : null;
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

async function readSchedulerConfig(folder: string): Promise<SchedulerConfig> {
  const path = "scheduler/scheduler_config.json";
  const text = await readText(folder, path);
  if (text === null) throw new RangeError(`${join(folder, path)} is missing`);
  // Python writes `-Infinity`, which JSON does not know; -1e999 is read as the same number.
  const json = parseJson(join(folder, path), text.replace(/(?<=:\s*)-Infinity\b/g, "-1e999"));
  return naming(join(folder, path), () => parseSchedulerConfig(json));
}

/** optimum puts it beside the graph; folders that keep diffusers' layout have it in `vae`. */
async function readVaeConfig(
  folder: string,
  told: GraphsAlone["configs"]["vaeDecoder"] | null,
): Promise<VaeConfig> {
  return await readOptionalJson(folder, "vae_decoder/config.json", vaeConfig) ??
    await readOptionalJson(folder, "vae/config.json", vaeConfig) ??
    await readConfig(folder, "vae_decoder", vaeConfig, told);
}

/** Puts the file in front of a sentence about its content. */
function naming<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new RangeError(`${file}: ${error.message}`, { cause: error });
  }
}

/** @throws RangeError */
function requireId(folder: string, id: string): string {
  if (isModelId(id)) return id;
  throw new RangeError(
    `${join(folder, "shapefirst.json")}: id must be ${MODEL_ID_RULE}, given ${JSON.stringify(id)}`,
  );
}

/** @throws RangeError where the folder's name has nothing that an id may have, or too much of it */
function idFromFolder(folder: string): string {
  const id = basename(folder).toLowerCase().replace(/[^a-z0-9._-]+/g, "-")
    .replace(/^[^a-z0-9]+/, "");
  if (isModelId(id)) return id;
  throw new RangeError(
    `${folder}: its name makes no id of a model, which must be ${MODEL_ID_RULE}: give one with ` +
      '--id, or as "id" in its shapefirst.json',
  );
}
