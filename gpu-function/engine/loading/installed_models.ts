/** The packages of a folder: all of them ready to plan, and as many in memory as may be. */
import { readdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { PlanningModel } from "../../../contract/mod.ts";
import type { EngineCounters } from "../../jobs/engine.ts";
import {
  type LoadedModel,
  loadModel,
  type LoadOptions,
  releaseModel,
  sessionsOf,
} from "./loaded_model.ts";
import { type Lease, type LoadableModel, ModelCache } from "./model_cache.ts";
import { listPackages, type ModelPackage, readModelPackage } from "../../packages/model_package.ts";
import type { DenoiserOptions } from "../../onnx/denoiser.ts";
import { rememberRows, type RowMemory } from "../rows/row_memory.ts";

export interface InstalledModelsOptions extends DenoiserOptions {
  readonly modelsDir: string;
  /** Only this one, by id; all by default. */
  readonly model?: string | undefined;
  /** Bytes of graph files that may be loaded at one time. */
  readonly memoryBytes: number;
  /** Serves all models; null evaluates every row. */
  readonly rowMemory: RowMemory | null;
  /** Whether images are to be looked at by the models' safety checkers. */
  readonly checked: boolean;
}

interface InstalledModel {
  readonly modelPackage: ModelPackage;
  /** Size of its graphs. */
  readonly bytes: number;
}

export class InstalledModels {
  readonly #models: ReadonlyMap<string, InstalledModel>;
  readonly #cache: ModelCache<LoadedModel>;
  readonly #inMemory = new Set<LoadedModel>();
  /** What models no longer in memory have counted. */
  #past: EngineCounters = { unetRows: 0, unetRuns: 0, inferenceMs: 0 };

  private constructor(
    models: ReadonlyMap<string, InstalledModel>,
    options: InstalledModelsOptions,
  ) {
    const loadable = new Map<string, LoadableModel<LoadedModel>>();
    for (const [id, model] of models) {
      for (const tapped of [false, true]) {
        const load = () => this.#load(model, { ...options, tapped });
        loadable.set(cacheName(id, tapped), { bytes: model.bytes, load });
      }
    }
    this.#models = models;
    this.#cache = new ModelCache<LoadedModel>({
      models: loadable,
      bytesMax: options.memoryBytes,
      unload: (model) => this.#unload(model),
    });
  }

  /**
   * Reads every package, and loads those that fit side by side, so that a damaged one is known at once.
   * @throws RangeError with a sentence that names the file when a package cannot be served
   */
  static async open(options: InstalledModelsOptions): Promise<InstalledModels> {
    const models = await readPackages(options);
    const installed = new InstalledModels(models, options);
    let free = options.memoryBytes;
    try {
      for (const [id, { bytes }] of models) {
        if (bytes > free) continue;
        free -= bytes;
        (await installed.acquire(id)).release();
      }
    } catch (error) {
      await installed.close();
      throw error;
    }
    return installed;
  }

  get all(): readonly PlanningModel[] {
    return [...this.#models.values()].map(({ modelPackage }) => modelPackage);
  }

  find(id: string): PlanningModel | undefined {
    return this.#models.get(id)?.modelPackage;
  }

  /**
   * Waits for memory, and for the graphs. @throws the signal's reason
   * @param tapped with a denoiser that gives attention: a model of its own to the memory, so that it is
   *   loaded when first asked for, put away like others, and may stand where only one has room
   */
  acquire(
    id: string,
    { signal, tapped = false }: { readonly signal?: AbortSignal; readonly tapped?: boolean } = {},
  ): Promise<Lease<LoadedModel>> {
    return this.#cache.acquire(cacheName(id, tapped), signal);
  }

  get counters(): EngineCounters {
    return [...this.#inMemory].map(countersOf).reduce(sumOf, this.#past);
  }

  close(): Promise<void> {
    return this.#cache.close();
  }

  async #load(
    { modelPackage }: InstalledModel,
    options: InstalledModelsOptions & LoadOptions,
  ): Promise<LoadedModel> {
    const loaded = await loadModel(modelPackage, options);
    const { rowMemory } = options;
    const denoiser = rowMemory
      ? rememberRows(loaded.denoiser, modelPackage.manifest.digest, rowMemory)
      : loaded.denoiser;
    const model = { ...loaded, denoiser };
    this.#inMemory.add(model);
    return model;
  }

  async #unload(model: LoadedModel): Promise<void> {
    this.#past = sumOf(this.#past, countersOf(model));
    this.#inMemory.delete(model);
    await releaseModel(model);
  }
}

/** No id of a model has a space in it. */
function cacheName(id: string, tapped: boolean): string {
  return tapped ? `${id} tapped` : id;
}

async function readPackages(
  { modelsDir, model }: InstalledModelsOptions,
): Promise<ReadonlyMap<string, InstalledModel>> {
  const models = new Map<string, InstalledModel>();
  for (const folder of await listPackages(modelsDir)) {
    const modelPackage = await readModelPackage(folder);
    const { manifest } = modelPackage;
    if (model !== undefined && model !== manifest.id) continue;
    const twin = models.get(manifest.id)?.modelPackage;
    if (twin) throw new RangeError(`${folder} and ${twin.folder} have the same id, ${manifest.id}`);
    models.set(manifest.id, { modelPackage, bytes: await graphBytes(modelPackage) });
  }
  if (models.size > 0) return models;
  throw new RangeError(`${modelsDir} must hold ${model ?? "a model package"} in a sub-folder`);
}

/** Size of the graphs on disk, weights in files beside them included. */
async function graphBytes({ text, files }: ModelPackage): Promise<number> {
  let bytes = 0;
  const { denoiser, vaeDecoder, safetyChecker } = files;
  const encoders = text.map(({ graph }) => graph);
  const checkers = safetyChecker ? [safetyChecker.graph] : [];
  const paths = [...encoders, denoiser, vaeDecoder, ...checkers];
  for (const folder of new Set(paths.map((file) => dirname(file)))) {
    for (const name of await readdir(folder).catch(() => [])) {
      bytes += (await stat(join(folder, name))).size;
    }
  }
  return bytes;
}

function countersOf(model: LoadedModel): EngineCounters {
  const { rows, runs } = model.denoiser.session.usage;
  const inferenceMs = sessionsOf(model).reduce((sum, { usage }) => sum + usage.milliseconds, 0);
  return { unetRows: rows, unetRuns: runs, inferenceMs };
}

function sumOf(a: EngineCounters, b: EngineCounters): EngineCounters {
  return {
    unetRows: a.unetRows + b.unetRows,
    unetRuns: a.unetRuns + b.unetRuns,
    inferenceMs: a.inferenceMs + b.inferenceMs,
  };
}
