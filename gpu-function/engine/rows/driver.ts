/**
 * The one loop that evaluates the denoiser. Sources bring rows, the loop runs them in batches and hands
 * back the outputs; who is guided, cut off or swapped is the sources' own business.
 */
import { BatchProfile } from "./batch_profile.ts";
import { createBatchQueue, type QueueEntry } from "./batch_queue.ts";
import type { Denoiser } from "../../onnx/denoiser/denoiser.ts";
import type { DenoiserOutputs, DenoiserRow } from "../../onnx/denoiser/denoiser_row.ts";
import { depthOf, rowsTogether } from "../../onnx/denoiser/row_groups.ts";

/** One run as the driver sees it: rows to evaluate, and the steps that their outputs finish. */
export interface RowSource<Step> {
  readonly denoiser: Denoiser;
  /** Sources of equal key share a denoiser and the shape of their rows. */
  readonly batchKey: string;
  /** What it wants evaluated now, by one graph of the denoiser; nothing when it is done. */
  nextRows(): readonly DenoiserRow[];
  /**
   * Takes the outputs of exactly those rows, and returns the step that they finish or null within one.
   * What it throws fails this source alone.
   */
  accept(outputs: DenoiserOutputs): Step | null;
}

/** Unread steps hold their attention, which is the largest thing of a run: so there are few of them. */
export const STEPS_AHEAD = 4;

/** One source from its first row to its last; waits in the queue between evaluations. */
interface Run<Step> extends QueueEntry {
  readonly source: RowSource<Step>;
  batchKey: string;
  rows: readonly DenoiserRow[];
  rowCount: number;
  rowsMax: number;
  /** Finished steps that the reader has not taken yet. */
  readonly steps: Step[];
  /** Its rows are not in the queue until the reader takes a step. */
  held: boolean;
  end: { readonly error?: unknown } | null;
  /** Tells the reader that a step or the end is there. */
  wake: () => void;
}

export class Driver<Step> {
  readonly #rowsMax: number;
  readonly #queue = createBatchQueue<Run<Step>>();
  readonly #profile = new BatchProfile();
  #working = false;

  /**
   * @param options `rowsMax`: rows per batch at most, fewer where latents are large or more would take
   *   longer, row for row; a source whose rows exceed it runs by itself
   */
  constructor({ rowsMax }: { readonly rowsMax: number }) {
    this.#rowsMax = rowsMax;
  }

  /**
   * Yields the source's steps in order. While the reader works on one, others are evaluated already: a
   * slow reader holds up its own rows alone, and those only once `STEPS_AHEAD` steps wait for it.
   * A reader that leaves ends the run.
   * @throws what the source or its denoiser threw, after the steps before it; the signal's reason as
   *   soon as it aborts, and then the rows leave the queue before the next batch
   */
  async *run(source: RowSource<Step>, signal: AbortSignal): AsyncGenerator<Step> {
    const rows = { batchKey: source.batchKey, rows: [], rowCount: 0, rowsMax: 1 };
    const run: Run<Step> = { source, ...rows, steps: [], held: false, end: null, wake: () => {} };
    const abort = () => this.#finish(run, { error: signal.reason });
    signal.addEventListener("abort", abort, { once: true });
    try {
      signal.throwIfAborted();
      this.#ask(run);
      while (run.steps.length > 0 || !run.end) {
        if (run.steps.length === 0) await new Promise<void>((resolve) => run.wake = resolve);
        signal.throwIfAborted();
        const taken = run.steps.splice(0, 1);
        if (run.held) this.#enqueue(run);
        yield* taken;
      }
      if ("error" in run.end) throw run.end.error;
    } finally {
      signal.removeEventListener("abort", abort);
      this.#finish(run, {});
    }
  }

  #ask(run: Run<Step>): void {
    if (run.end) return;
    run.rows = run.source.nextRows();
    run.rowCount = run.rows.length;
    // Whole rows go with whole ones, shallow rows with shallow ones of the same depth.
    run.batchKey = `${run.source.batchKey} ${run.rows[0] ? depthOf(run.rows[0]) : 0}`;
    run.rowsMax = rowsTogether(run.rows[0], this.#rowsMax);
    if (run.rowCount === 0) return this.#finish(run, {});
    run.held = run.steps.length >= STEPS_AHEAD;
    if (!run.held) this.#enqueue(run);
  }

  #enqueue(run: Run<Step>): void {
    run.held = false;
    this.#queue.enqueue(run);
    if (!this.#working) void this.#work();
  }

  /** The first end counts: outputs and failures of rows that were under way come too late. */
  #finish(run: Run<Step>, end: { readonly error?: unknown }): void {
    run.end ??= end;
    this.#queue.remove(run);
    run.wake();
  }

  async #work(): Promise<void> {
    this.#working = true;
    const takeBatch = () => this.#queue.takeBatch((key, sizes) => this.#profile.choose(key, sizes));
    for (let batch = takeBatch(); batch.length > 0; batch = takeBatch()) {
      await this.#evaluate(batch);
    }
    this.#working = false;
  }

  async #evaluate(batch: readonly Run<Step>[]): Promise<void> {
    const [first] = batch;
    if (!first) return;
    const rows = batch.flatMap((run) => run.rows);
    const measure = (evaluated: number, milliseconds: number) =>
      this.#profile.record(first.batchKey, { taken: rows.length, evaluated, milliseconds });
    try {
      const outputs = await first.source.denoiser.run(rows);
      measure(evaluatedIn(outputs), outputs.milliseconds);
      let offset = 0;
      for (const run of batch) {
        this.#advance(run, outputsOf(outputs, offset, offset += run.rowCount));
      }
    } catch (error) {
      if (batch.length === 1) return this.#finish(first, { error });
      // One run's rows may have broken the batch: alone, only the guilty one fails. Or it was too large.
      measure(rows.length, Infinity);
      for (const run of batch) await this.#evaluate([run]);
    }
  }

  #advance(run: Run<Step>, outputs: DenoiserOutputs): void {
    if (run.end) return;
    try {
      const step = run.source.accept(outputs);
      if (step !== null) {
        run.steps.push(step);
        run.wake();
      }
      this.#ask(run);
    } catch (error) {
      this.#finish(run, { error });
    }
  }
}

/** Those of the rows `from` (included) to `to` (excluded). */
function outputsOf(
  { value, milliseconds, fresh, attention, features }: DenoiserOutputs,
  from: number,
  to: number,
): DenoiserOutputs {
  return {
    value: value.slice(from, to),
    milliseconds,
    ...(fresh ? { fresh: fresh.slice(from, to) } : {}),
    ...(attention ? { attention: attention.slice(from, to) } : {}),
    ...(features ? { features: features.slice(from, to) } : {}),
  };
}

/** How many of the rows the graph ran for. */
export function evaluatedIn({ value, fresh }: DenoiserOutputs): number {
  return fresh ? fresh.filter((isFresh) => isFresh).length : value.length;
}
