/** The packages of a folder: all of them ready to plan, and as many in memory as may be. */
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { PlanningModel } from "../../../contract/mod.ts";
import type { EngineCounters } from "../../jobs/engine.ts";
import {
  type LoadedModel,
  loadModel,
  type LoadOptions,
  releaseModel,
  sessionsOf,
} from "./loaded_model.ts";
import { type Lease, type LoadableModel, ModelCache, tooLarge } from "./model_cache.ts";
import { listPackages, type ModelPackage, readModelPackage } from "../../packages/model_package.ts";
import type { ModelFault } from "./model_fault.ts";
import { packageFault } from "../../packages/package_fault.ts";
import type { DenoiserOptions } from "../../onnx/denoiser/denoiser.ts";
import type { OnnxSession, SessionUsage } from "../../onnx/session.ts";
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

interface FoundModels {
  readonly models: Map<string, InstalledModel>;
  /** Those that cannot be served, with the reason. */
  readonly faults: Map<string, ModelFault>;
}

export class InstalledModels {
  readonly #models: Map<string, InstalledModel>;
  readonly #faults: Map<string, ModelFault>;
  readonly #cache: ModelCache<LoadedModel>;
  readonly #inMemory = new Set<LoadedModel>();
  /** What models no longer in memory have counted. */
  #past: EngineCounters = { unetRows: 0, unetRuns: 0, inferenceMs: 0 };

  private constructor({ models, faults }: FoundModels, options: InstalledModelsOptions) {
    const loadable = new Map<string, LoadableModel<LoadedModel>>();
    for (const [id, model] of models) {
      for (const tapped of [false, true]) {
        const load = () => this.#load(model, { ...options, tapped });
        loadable.set(cacheName(id, tapped), { bytes: model.bytes, load });
      }
    }
    this.#models = models;
    this.#faults = faults;
    this.#cache = new ModelCache<LoadedModel>({
      models: loadable,
      bytesMax: options.memoryBytes,
      unload: (model) => this.#unload(model),
    });
  }

  /**
   * Reads every package, and loads those that fit side by side, so that a damaged one is known at once.
   * It takes only itself out of service.
   * @throws RangeError with a sentence for each package when none can be served
   */
  static async open(options: InstalledModelsOptions): Promise<InstalledModels> {
    const { modelsDir, model, memoryBytes } = options;
    const found = await readPackages(options);
    const installed = new InstalledModels(found, options);
    let free = memoryBytes;
    for (const [id, { bytes, modelPackage: { folder } }] of [...found.models]) {
      if (bytes > free) continue;
      const reason = await installed.#tryOut(id);
      if (reason !== null) installed.#putAside(id, { folder, reason });
      else free -= bytes;
    }
    if (found.models.size > 0) return installed;
    await installed.close();
    const reasons = [...found.faults.values()].map(({ reason }) => reason);
    throw new RangeError(
      reasons.length > 0
        ? reasons.join("; ")
        : `${modelsDir} must hold ${model ?? "a model package"} in a sub-folder`,
    );
  }

  /** Loads a model once. Returns why it cannot be, or null. */
  async #tryOut(id: string): Promise<string | null> {
    try {
      (await this.acquire(id)).release();
      return null;
    } catch (error) {
      if (error instanceof Error) return error.message;
      throw error;
    }
  }

  #putAside(id: string, fault: ModelFault): void {
    this.#models.delete(id);
    this.#faults.set(id, fault);
  }

  /** Those that cannot be served, by id, with the reason. */
  get faults(): ReadonlyMap<string, ModelFault> {
    return this.#faults;
  }

  get all(): readonly PlanningModel[] {
    return [...this.#models.values()].map(({ modelPackage }) => modelPackage);
  }

  find(id: string): ModelPackage | undefined {
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
  { modelsDir, model, memoryBytes }: InstalledModelsOptions,
): Promise<FoundModels> {
  const models = new Map<string, InstalledModel>();
  const faults = new Map<string, ModelFault>();
  for (const folder of await listPackages(modelsDir)) {
    const found = await readInstalled(folder, memoryBytes);
    const id = found.ok ? found.value.modelPackage.manifest.id : basename(folder);
    if (model !== undefined && model !== id) continue;
    const twin = models.get(id)?.modelPackage;
    if (!found.ok) faults.set(id, { folder, reason: found.reason });
    else if (twin) {
      const reason = `${folder} and ${twin.folder} have the same id, ${id}`;
      faults.set(basename(folder), { folder, reason });
    } else models.set(id, found.value);
  }
  return { models, faults };
}

type Read = { readonly ok: true; readonly value: InstalledModel } | {
  readonly ok: false;
  readonly reason: string;
};

async function readInstalled(folder: string, bytesMax: number): Promise<Read> {
  try {
    const modelPackage = await readModelPackage(folder);
    const bytes = await graphBytes(modelPackage);
    if (bytes > bytesMax) throw tooLarge(modelPackage.manifest.id, bytes, bytesMax);
    return { ok: true, value: { modelPackage, bytes } };
  } catch (error) {
    // Whatever is wrong with one folder, such as a link that leads nowhere, the others can be served.
    if (!(error instanceof Error)) throw error;
    return { ok: false, reason: packageFault(folder, error) };
  }
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
  const total = (sessions: readonly OnnxSession[], counter: keyof SessionUsage) =>
    sessions.reduce((sum, { usage }) => sum + usage[counter], 0);
  const { sessions } = model.denoiser;
  return {
    unetRows: total(sessions, "rows"),
    unetRuns: total(sessions, "runs"),
    inferenceMs: total(sessionsOf(model), "milliseconds"),
  };
}

function sumOf(a: EngineCounters, b: EngineCounters): EngineCounters {
  return {
    unetRows: a.unetRows + b.unetRows,
    unetRuns: a.unetRuns + b.unetRuns,
    inferenceMs: a.inferenceMs + b.inferenceMs,
  };
}
