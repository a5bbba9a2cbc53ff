/** The inference thread as the engine's thread sees it: questions and answers, and a new start after a crash. */
import "./telemetry.ts";
import { Worker } from "node:worker_threads";
import type { Answered, Answers, Asked, Failure, Question } from "./inference_message.ts";

interface Waiting {
  resolve(value: Answers[keyof Answers]): void;
  reject(error: Error): void;
}

const WORKER = new URL("./inference_worker.ts", import.meta.url);

export class InferenceThread {
  readonly #file: URL;
  #worker: Worker | null = null;
  #losses = 0;
  #asked = 0;
  readonly #waiting = new Map<number, Waiting>();

  /** @param file what runs in the thread; tests give others */
  constructor(file: URL = WORKER) {
    this.#file = file;
  }

  /** How often it was lost: what had been loaded before is gone. */
  get losses(): number {
    return this.#losses;
  }

  /**
   * @throws RangeError for what is wrong with the question, Error where onnxruntime fails or the thread
   *   stops before the answer
   */
  ask<Q extends Question>(question: Q): Promise<Answers[Q["ask"]]> {
    const worker = this.#worker ??= this.#start();
    const id = this.#asked++;
    const { promise, resolve, reject } = Promise.withResolvers<Answers[Q["ask"]]>();
    // The answer to a question is of its kind.
    this.#waiting.set(id, { resolve: (value) => resolve(value as Answers[Q["ask"]]), reject });
    // An idle thread keeps no process alive.
    worker.ref();
    worker.postMessage({ id, question } satisfies Asked);
    return promise;
  }

  #start(): Worker {
    const worker = new Worker(this.#file);
    worker.unref();
    worker.on("message", (answered: Answered) => this.#settle(worker, answered));
    worker.on("error", (cause: Error) => this.#lose(worker, cause.message));
    worker.on("exit", (code: number) => this.#lose(worker, `exit code ${code}`));
    return worker;
  }

  #settle(worker: Worker, answered: Answered): void {
    const waiting = this.#waiting.get(answered.id);
    this.#waiting.delete(answered.id);
    if (this.#waiting.size === 0) worker.unref();
    if ("failure" in answered) waiting?.reject(errorOf(answered.failure));
    else waiting?.resolve(answered.value);
  }

  /** Everything that was under way has failed; the next question starts another thread. */
  #lose(worker: Worker, reason: string): void {
    if (this.#worker !== worker) return;
    this.#worker = null;
    this.#losses++;
    worker.unref();
    const error = new Error(`The inference thread stopped: ${reason}`);
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

function errorOf({ message, ofInput }: Failure): Error {
  return ofInput ? new RangeError(message) : new Error(message);
}
