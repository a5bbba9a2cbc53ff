/** The engine on onnxruntime: reads the model packages, loads their graphs, runs plans. */
import {
  createFieldProblem,
  fieldIssue,
  type GenerationRequest,
  type Parsed,
  type Plan,
  planGeneration,
  ProblemError,
  refuse,
} from "../contract/mod.ts";
import { createDriver } from "./driver.ts";
import type { Engine, EngineCounters } from "./engine.ts";
import { runGeneration } from "./generation.ts";
import { type LoadedModel, loadModel } from "./loaded_model.ts";
import { listPackages, readModelPackage } from "./model_package.ts";

export interface OnnxEngineOptions {
  /** A folder with one model package per sub-folder. */
  readonly modelsDir: string;
  /** Only this one, by id; all by default. */
  readonly model?: string;
  /** As onnxruntime-node names it; `cpu` by default. */
  readonly executionProvider?: string;
  /** Threads inside one operator; 0, the default, leaves it to onnxruntime. */
  readonly intraOpNumThreads?: number;
  /**
   * Rows per batch. 1, the default, runs every row alone: the same plan gives the same bytes whatever
   * else runs. More is faster on a GPU and keeps the picture, not every bit.
   */
  readonly rowsMax?: number;
}

/** @throws RangeError with a sentence that names the file when a package cannot be served */
export async function createEngine(options: OnnxEngineOptions): Promise<Engine> {
  const { rowsMax = 1 } = options;
  const exact = rowsMax === 1;
  const models = await loadModels(options, exact);
  const driver = createDriver({ rowsMax });
  const closing = new AbortController();
  const running = new Set<Promise<void>>();
  const now = () => performance.now();

  return {
    models: [...models.values()].map(({ manifest }) => manifest),
    plan: (request) => planFor(models, request),
    async *generate(plan, signal) {
      const model = models.get(plan.model);
      if (!model) throw new ProblemError(unknownModel(models, plan.model));
      const { promise, resolve } = Promise.withResolvers<void>();
      running.add(promise);
      try {
        const context = { model, driver, now, determinism: exact ? "bitwise" : "visual" } as const;
        yield* runGeneration(plan, context, AbortSignal.any([signal, closing.signal]));
      } finally {
        running.delete(promise);
        resolve();
      }
    },
    counters: countersOf([...models.values()]),
    async close() {
      closing.abort();
      await Promise.all(running);
      for (const { textEncoder, denoiser, vaeDecoder } of models.values()) {
        for (const part of [textEncoder, denoiser, vaeDecoder]) await part.session.release();
      }
    },
  };
}

async function loadModels(
  { modelsDir, model, executionProvider = "cpu", intraOpNumThreads = 0 }: OnnxEngineOptions,
  exact: boolean,
): Promise<ReadonlyMap<string, LoadedModel>> {
  const models = new Map<string, LoadedModel>();
  for (const folder of await listPackages(modelsDir)) {
    const modelPackage = await readModelPackage(folder);
    const { id } = modelPackage.manifest;
    if (model !== undefined && model !== id) continue;
    const twin = models.get(id);
    if (twin) throw new RangeError(`${folder} and ${twin.folder} have the same id, ${id}`);
    models.set(id, await loadModel(modelPackage, { executionProvider, intraOpNumThreads, exact }));
  }
  if (models.size === 0) {
    throw new RangeError(`${modelsDir} must hold ${model ?? "a model package"} in a sub-folder`);
  }
  return models;
}

function planFor(
  models: ReadonlyMap<string, LoadedModel>,
  request: GenerationRequest,
): Parsed<Plan> {
  const model = models.get(request.model);
  if (!model) return refuse(unknownModel(models, request.model));
  return planGeneration({ ...request, seed: request.seed ?? drawSeed() }, model);
}

function unknownModel(models: ReadonlyMap<string, LoadedModel>, given: string) {
  const allowed = `one of ${[...models.keys()].join(", ")}`;
  return createFieldProblem("unknown_model", [fieldIssue("model", allowed, given)]);
}

function drawSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
}

function countersOf(models: readonly LoadedModel[]): EngineCounters {
  const sum = (of: (model: LoadedModel) => number) =>
    models.reduce((total, model) => total + of(model), 0);
  return {
    get unetRows() {
      return sum(({ denoiser }) => denoiser.session.usage.rows);
    },
    get unetRuns() {
      return sum(({ denoiser }) => denoiser.session.usage.runs);
    },
    get inferenceMs() {
      return sum(({ textEncoder, denoiser, vaeDecoder }) =>
        [textEncoder, denoiser, vaeDecoder].reduce(
          (total, { session }) => total + session.usage.milliseconds,
          0,
        )
      );
    },
  };
}
