/**
 * The one loop that evaluates the denoiser. Jobs bring rows, the loop runs them in batches and hands
 * back the outputs; who is guided, cut off or swapped is the jobs' own business.
 */
import { createBatchQueue, type QueueEntry } from "./batch_queue.ts";
import type { Denoiser, DenoiserOutputs, DenoiserRow } from "../../onnx/denoiser.ts";

/** A job as the driver sees it. */
export interface DenoisingJob {
  readonly denoiser: Denoiser;
  /** Jobs of equal key share a denoiser and the shape of their rows. */
  readonly batchKey: string;
  /** What it wants evaluated now; nothing when it is done. */
  nextRows(): readonly DenoiserRow[];
  /** Takes the outputs of exactly those rows. What it throws fails this job alone. */
  accept(outputs: DenoiserOutputs): void;
}

export interface Driver {
  /**
   * Resolves when the job is done. Rejects with the signal's reason as soon as it aborts: its rows
   * leave the queue before the next batch.
   */
  run(job: DenoisingJob, signal: AbortSignal): Promise<void>;
}

/** One job from its first row to its last; waits in the queue between evaluations. */
interface Run extends QueueEntry {
  readonly job: DenoisingJob;
  readonly signal: AbortSignal;
  readonly settle: { resolve(): void; reject(reason: unknown): void };
  rows: readonly DenoiserRow[];
  rowCount: number;
}

/** Those of the rows `from` (included) to `to` (excluded). */
function outputsOf(
  { value, milliseconds, fresh, attention }: DenoiserOutputs,
  from: number,
  to: number,
): DenoiserOutputs {
  return {
    value: value.slice(from, to),
    milliseconds,
    ...(fresh ? { fresh: fresh.slice(from, to) } : {}),
    ...(attention ? { attention: attention.slice(from, to) } : {}),
  };
}

/** @param rowsMax rows per batch; a job whose rows exceed it runs by itself */
export function createDriver({ rowsMax }: { readonly rowsMax: number }): Driver {
  const queue = createBatchQueue<Run>();
  let working = false;

  function enqueue(run: Run): void {
    if (run.signal.aborted) return;
    run.rows = run.job.nextRows();
    run.rowCount = run.rows.length;
    if (run.rowCount === 0) return run.settle.resolve();
    queue.enqueue(run);
    if (!working) void work();
  }

  async function work(): Promise<void> {
    working = true;
    for (let batch = queue.takeBatch(rowsMax); batch.length > 0; batch = queue.takeBatch(rowsMax)) {
      await evaluate(batch);
    }
    working = false;
  }

  async function evaluate(batch: readonly Run[]): Promise<void> {
    const [first] = batch;
    if (!first) return;
    try {
      const outputs = await first.job.denoiser.run(batch.flatMap(({ rows }) => rows));
      let offset = 0;
      for (const run of batch) {
        advance(run, outputsOf(outputs, offset, offset += run.rowCount));
      }
    } catch (error) {
      if (batch.length === 1) return first.settle.reject(error);
      // One job's rows may have broken the batch: alone, only the guilty one fails.
      for (const run of batch) await evaluate([run]);
    }
  }

  function advance(run: Run, outputs: DenoiserOutputs): void {
    if (run.signal.aborted) return;
    try {
      run.job.accept(outputs);
      enqueue(run);
    } catch (error) {
      run.settle.reject(error);
    }
  }

  return {
    async run(job, signal) {
      signal.throwIfAborted();
      const { promise, ...settle } = Promise.withResolvers<void>();
      const run: Run = { job, signal, settle, batchKey: job.batchKey, rows: [], rowCount: 0 };
      const abort = () => {
        queue.remove(run);
        settle.reject(signal.reason);
      };
      signal.addEventListener("abort", abort, { once: true });
      try {
        enqueue(run);
        await promise;
      } finally {
        signal.removeEventListener("abort", abort);
      }
    },
  };
}
