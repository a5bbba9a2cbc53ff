/** The inference thread as the engine's thread sees it: questions and answers, and a new start after a crash. */
import "./telemetry.ts";
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import type { Answered, Answers, Asked, Failure, Question } from "./inference_message.ts";

interface Waiting {
  resolve(value: Answers[keyof Answers]): void;
  reject(error: Error): void;
}

/** A thread, and the port to it: Deno's own copies arrays six times faster than a worker's messages do. */
interface Line {
  readonly worker: Worker;
  readonly port: MessagePort;
}

const WORKER = new URL("./inference_worker.ts", import.meta.url);

export class InferenceThread {
  readonly #file: URL;
  #line: Line | null = null;
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
    const { port } = this.#line ??= this.#start();
    const id = this.#asked++;
    const { promise, resolve, reject } = Promise.withResolvers<Answers[Q["ask"]]>();
    // The answer to a question is of its kind.
    this.#waiting.set(id, { resolve: (value) => resolve(value as Answers[Q["ask"]]), reject });
    // An idle thread keeps no process alive.
    port.ref();
    port.postMessage({ id, question } satisfies Asked);
    return promise;
  }

  #start(): Line {
    const worker = new Worker(this.#file);
    const { port1: port, port2 } = new MessageChannel();
    const line = { worker, port };
    worker.unref();
    worker.on("error", (cause: Error) => this.#lose(line, cause.message));
    worker.on("exit", (code: number) => this.#lose(line, `exit code ${code}`));
    worker.postMessage(port2, [port2]);
    // A listener added by `on` would be called half a millisecond later.
    port.addEventListener("message", (event) => {
      if (event instanceof MessageEvent) this.#settle(line, event.data);
    });
    port.start();
    port.unref();
    return line;
  }

  #settle({ port }: Line, answered: Answered): void {
    const waiting = this.#waiting.get(answered.id);
    this.#waiting.delete(answered.id);
    if (this.#waiting.size === 0) port.unref();
    if ("failure" in answered) waiting?.reject(errorOf(answered.failure));
    else waiting?.resolve(answered.value);
  }

  /** Everything that was under way has failed; the next question starts another thread. */
  #lose(line: Line, reason: string): void {
    if (this.#line !== line) return;
    this.#line = null;
    this.#losses++;
    line.port.close();
    const error = new Error(`The inference thread stopped: ${reason}`);
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

function errorOf({ message, ofInput }: Failure): Error {
  return ofInput ? new RangeError(message) : new Error(message);
}
