/** Opens what experiments work with: the engine, a cache of images, prompts and scorers. */
import { join } from "node:path";
import { type ModelManifest, type PromptTokenizer } from "../../../contract/mod.ts";
import type { SchedulerConfig } from "../../../gpu-function/diffusion/mod.ts";
import type { Engine } from "../../../gpu-function/jobs/engine.ts";
import { tryProvider } from "../../../gpu-function/onnx/session.ts";
import { createEngine } from "../../../gpu-function/engine/onnx_engine.ts";
import { ROOT } from "../../checkout.ts";
import { modelsFolder } from "../../command_line/models_folder.ts";
import { type GenerationCache, openGenerationCache } from "../drawings/generation_cache.ts";
import { findModel } from "../../engine/installed_model.ts";
import { type ObservedRuns, openObservedRuns } from "../drawings/observed_runs.ts";
import { type PromptPair, promptPairs } from "../prompts/prompt_pair.ts";
import {
  type AttributeKind,
  promptSet,
  takeFirst,
  type TemplatePrompt,
} from "../prompts/prompt_set.ts";
import { loadVocabulary } from "../prompts/vocabulary.ts";
import { type LaboratoryScorers, loadScorers, type ScorerOptions } from "./laboratory_scorers.ts";

export interface LaboratoryOptions extends ScorerOptions {
  readonly model: string;
  /** Name of the provider in onnxruntime-node. */
  readonly provider: string;
  /** Threads inside one operator; 0 leaves the number to onnxruntime. */
  readonly threads: number;
  /** File of the words that prompts are made of. */
  readonly words: string;
  /** Folder of the drawn images; null means the one of the model's digest. */
  readonly cache: string | null;
}

/** Keeps rows of the model that runs of one prompt share; the bits are equal without it. */
const ROW_MEMORY_BYTES = 64_000_000;

export interface Laboratory {
  readonly manifest: ModelManifest;
  readonly tokenizer: PromptTokenizer;
  readonly engine: Engine;
  readonly cache: GenerationCache;
  readonly runs: ObservedRuns;
  readonly schedulerConfig: SchedulerConfig;
  readonly scorers: LaboratoryScorers;
  /** Returns the whole prompt set, in its order. */
  allPrompts(kinds: readonly AttributeKind[]): TemplatePrompt[];
  /** Returns the first `count` prompts of the set. @throws RangeError when the words allow fewer */
  prompts(count: number, kinds: readonly AttributeKind[]): TemplatePrompt[];
  /** Returns the first `count` pairs of equal length in tokens. @throws like `prompts` */
  pairs(count: number, kinds: readonly AttributeKind[]): PromptPair[];
  /** Opens an engine that remembers no rows, so that no run is shortened; the caller closes it. */
  openTimingEngine(): Promise<Engine>;
  close(): Promise<void>;
}

/** @throws RangeError naming the model, file or folder that is missing or does not fit */
export async function openLaboratory(options: LaboratoryOptions): Promise<Laboratory> {
  const modelsDir = modelsFolder();
  const modelPackage = await findModel(modelsDir, options.model);
  const { manifest, tokenizer, schedulerConfig } = modelPackage;
  const vocabulary = await loadVocabulary(options.words);
  const scorers = await loadScorers(options, tokenizer);
  const engineOptions = {
    modelsDir,
    model: options.model,
    executionProvider: await presentProvider(options.provider),
    intraOpNumThreads: options.threads,
  };
  const engine = await createEngine({ ...engineOptions, rowMemoryBytes: ROW_MEMORY_BYTES });
  const folder = options.cache ?? join(ROOT, ".data/lab", cacheName(manifest, options));
  const lengthOf = (text: string) => tokenizer.tokenize(text).length;
  return {
    manifest,
    tokenizer,
    engine,
    scorers,
    cache: await openGenerationCache(engine, folder),
    runs: await openObservedRuns(engine, folder),
    schedulerConfig,
    allPrompts: (kinds) => promptSet(vocabulary, kinds),
    prompts: (count, kinds) => takeFirst(promptSet(vocabulary, kinds), count, "prompts"),
    pairs: (count, kinds) =>
      takeFirst(promptPairs(promptSet(vocabulary, kinds), lengthOf), count, "pairs of prompts"),
    openTimingEngine: () => createEngine(engineOptions),
    async close() {
      await scorers.release();
      await engine.close();
    },
  };
}

async function presentProvider(provider: string): Promise<string> {
  // onnxruntime always has its own CPU kernels.
  const reason = provider === "cpu" ? null : await tryProvider(provider);
  if (reason === null) return provider;
  throw new RangeError(
    `--provider must be one that this machine has, given ${provider} (${reason})`,
  );
}

/** Images of another provider have the same key, but other bits. */
function cacheName({ digest }: ModelManifest, { provider }: LaboratoryOptions): string {
  return provider === "cpu" ? digest : `${digest}-${provider}`;
}
