/** The engine on onnxruntime: runs plans on the packages of a folder. */
import {
  createFieldProblem,
  fieldIssue,
  type GenerationEvent,
  type OwnedRequest,
  type Parsed,
  type Plan,
  planGeneration,
  type Problem,
  ProblemError,
  refuse,
} from "../../contract/mod.ts";
import type { InferenceThread } from "../onnx/inference/inference_thread.ts";
import { determinismClass, isBitwise, ONNXRUNTIME } from "../onnx/determinism_class.ts";
import { Driver } from "./rows/driver.ts";
import type {
  BatchingMode,
  Engine,
  SafetyMode,
  UnavailableModel,
  WeightsMode,
} from "../jobs/engine.ts";
import { orAborted } from "./or_aborted.ts";
import { runGeneration } from "./generation.ts";
import type { FinishedStep } from "./denoising.ts";
import { InstalledModels } from "./loading/installed_models.ts";
import { modelUnavailable, reasonIn } from "./loading/model_fault.ts";
import type { LoadedModel } from "./loading/loaded_model.ts";
import type { Lease } from "./loading/model_cache.ts";
import { RowMemory } from "./rows/row_memory.ts";

export interface OnnxEngineOptions {
  /** A folder with one model package per sub-folder. */
  readonly modelsDir: string;
  /** Only this one, by id; all by default. */
  readonly model?: string;
  /** As onnxruntime-node names it; `cpu` by default. */
  readonly executionProvider?: string;
  /** Where graphs run; in the inference thread of the process by default. */
  readonly thread?: InferenceThread;
  /** Threads inside one operator; 0, the default, leaves it to onnxruntime. */
  readonly intraOpNumThreads?: number;
  /** Rows in one batch at most, 16 by default. */
  readonly rowsMax?: number;
  /** `exact` by default: the same plan gives the same bytes, whatever else runs. */
  readonly batching?: BatchingMode;
  /**
   * Bytes of graph files that may be loaded at one time; without a bound by default. Beyond it models
   * are loaded when asked for, and the least recently used one makes room.
   */
  readonly memoryBytes?: number;
  /** Bytes of evaluated rows kept for generations that begin alike; none by default. */
  readonly rowMemoryBytes?: number;
  /** `packed` by default. */
  readonly weights?: WeightsMode;
  /** A folder that keeps packed weights for the next start; none by default. */
  readonly packedDir?: string | null;
  /** What happens to images that a model's safety checker flags; `report` by default. */
  readonly safety?: SafetyMode;
}

interface Served {
  readonly installed: InstalledModels;
  readonly modelsDir: string;
}

const ROWS_MAX = 16;
const HERE = { onnxruntime: ONNXRUNTIME, architecture: Deno.build.arch };

/** @throws RangeError with a sentence that names the file when a package cannot be served */
export async function createEngine(options: OnnxEngineOptions): Promise<Engine> {
  const { rowsMax = ROWS_MAX, executionProvider = "cpu", intraOpNumThreads = 0 } = options;
  const { safety = "report", weights = "packed", batching = "exact" } = options;
  const mapped = weights === "mapped";
  const exact = batching === "exact";
  const settings = { provider: executionProvider, mapped, exact, ...HERE };
  const installed = await InstalledModels.open({
    ...options,
    executionProvider,
    intraOpNumThreads,
    mapped,
    exact,
    rowsMax,
    checked: safety !== "off",
    memoryBytes: options.memoryBytes ?? Infinity,
    rowMemory: options.rowMemoryBytes ? new RowMemory(options.rowMemoryBytes) : null,
  });
  const served = { installed, modelsDir: options.modelsDir };
  const context = {
    driver: new Driver<FinishedStep>({ rowsMax }),
    determinism: isBitwise(settings) ? "bitwise" : "visual",
    safety,
    now: () => performance.now(),
  } as const;
  const closing = new AbortController();
  const running = new Set<Promise<void>>();

  return {
    models: installed.all.map(({ manifest }) => manifest),
    determinismClass: determinismClass(settings),
    unavailable: unavailableIn(served),
    plan: (request) => planFor(served, request),
    async *generate(plan, signal, report = () => {}) {
      if (!installed.find(plan.model)) throw new ProblemError(unserved(served, plan.model));
      const { promise, resolve } = Promise.withResolvers<void>();
      running.add(promise);
      const stopped = AbortSignal.any([signal, closing.signal]);
      let lease: Lease<LoadedModel> | undefined;
      let events: AsyncGenerator<GenerationEvent> | undefined;
      try {
        const tapped = plan.insights.names.includes("attention");
        report("loading");
        lease = await leaseFor(served, plan.model, { signal: stopped, tapped });
        events = runGeneration(plan, { ...context, model: lease.model, report }, stopped);
        while (true) {
          const { done, value } = await orAborted(events.next(), stopped);
          if (done || stopped.aborted) return;
          yield value;
        }
      } catch (error) {
        if (!stopped.aborted) throw error;
      } finally {
        // What is being computed for it goes on for a moment, and needs the model until then.
        void (events?.return(undefined) ?? Promise.resolve()).catch(() => {}).then(() => {
          lease?.release();
          running.delete(promise);
          resolve();
        });
      }
    },
    get counters() {
      return installed.counters;
    },
    async close() {
      closing.abort();
      await Promise.all(running);
      await installed.close();
    },
  };
}

function unavailableIn({ installed, modelsDir }: Served): UnavailableModel[] {
  return [...installed.faults].map(([id, fault]) => ({ id, reason: reasonIn(modelsDir, fault) }));
}

function planFor(served: Served, request: OwnedRequest): Parsed<Plan> {
  const model = served.installed.find(request.model);
  if (!model) return refuse(unserved(served, request.model));
  return planGeneration({ ...request, seed: request.seed ?? drawSeed() }, model);
}

/** A model that is there and cannot be served is no unknown one: its reason tells whom to ask. */
function unserved({ installed, modelsDir }: Served, given: string): Problem {
  const fault = installed.faults.get(given);
  if (fault) return modelUnavailable(modelsDir, given, fault);
  const allowed = `one of ${installed.all.map(({ manifest }) => manifest.id).join(", ")}`;
  return createFieldProblem("unknown_model", [fieldIssue("model", allowed, given)]);
}

/** A package that turns out bad only now fails who asked for it, and is tried again with the next request. */
async function leaseFor(
  { installed, modelsDir }: Served,
  model: string,
  options: { readonly signal: AbortSignal; readonly tapped: boolean },
): Promise<Lease<LoadedModel>> {
  try {
    return await installed.acquire(model, options);
  } catch (cause) {
    const folder = installed.find(model)?.folder;
    if (!(cause instanceof RangeError) || folder === undefined) throw cause;
    const fault = { folder, reason: cause.message };
    throw new ProblemError(modelUnavailable(modelsDir, model, fault), { cause });
  }
}

function drawSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
}
