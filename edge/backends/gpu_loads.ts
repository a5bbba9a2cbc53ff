/**
 * Decides which GPU function is asked first. Rooms live in many processes and none sees all runs,
 * so it counts what the functions report and what this process has sent them since.
 */
import { contentKey } from "../../contract/mod.ts";
import type { GpuFunctionHealth } from "./gpu_backend.ts";
import type { GpuFunction, Health } from "./gpu_function.ts";
import type { Log } from "../observability/log.ts";

interface Report {
  readonly health: Health;
  /** Epoch milliseconds. */
  readonly at: number;
}

export interface LoadsOptions {
  /** How long a report holds, in milliseconds. */
  readonly loadMs: number;
  /** Whether functions of different determinism classes may draw for one edge. */
  readonly mixed: boolean;
}

export interface LoadsPorts {
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly log: Log;
}

export class GpuLoads {
  readonly #functions: readonly GpuFunction[];
  readonly #options: LoadsOptions;
  readonly #ports: LoadsPorts;
  /** The class that each function reported last. */
  readonly #classes = new Map<GpuFunction, string>();
  /** Of functions that were left out, the classes that the operator has been told of. */
  readonly #logged = new Map<GpuFunction, string>();
  readonly #reports = new Map<GpuFunction, Report>();
  readonly #sent = new Map<GpuFunction, number>();

  constructor(functions: readonly GpuFunction[], options: LoadsOptions, ports: LoadsPorts) {
    this.#functions = functions;
    this.#options = options;
    this.#ports = ports;
  }

  /** Counts a submission on its way to a function. */
  count(one: GpuFunction): void {
    this.#sent.set(one, (this.#sent.get(one) ?? 0) + 1);
  }

  /**
   * Ranks the functions of one class with a closed circuit: ready ones first, then those with fewest runs. The
   * key decides between equals, so that a repeated key finds the function that remembers it.
   */
  async rank(key: string): Promise<GpuFunction[]> {
    await Promise.all(this.#functions.map((one) => this.#refresh(one)));
    return this.#rank(key, this.#functions);
  }

  /** Asks the others at once, when those that were tried took nothing: some may be back by now. */
  async rankBack(key: string, tried: readonly GpuFunction[]): Promise<GpuFunction[]> {
    const left = this.#functions.filter((one) => !tried.includes(one));
    await Promise.all(left.map((one) => this.#ask(one)));
    return this.#rank(key, left);
  }

  #rank(key: string, functions: readonly GpuFunction[]): GpuFunction[] {
    return functions
      .filter((one) => one.breaker.state === "closed" && this.#mayDraw(one))
      .map((one) => ({ one, load: this.#loadOf(one), draw: contentKey([key, one.url]) }))
      .sort((a, b) => a.load - b.load || (a.draw < b.draw ? -1 : 1))
      .map(({ one }) => one);
  }

  /** One key stands for the same bytes wherever it is drawn: the first function known has the say. */
  #mayDraw(one: GpuFunction): boolean {
    const first = this.#functions.find((other) => this.#classes.has(other));
    const wanted = first && this.#classes.get(first);
    const own = this.#classes.get(one);
    if (this.#options.mixed || own === undefined || own === wanted) return true;
    if (this.#logged.get(one) !== own) {
      this.#logged.set(one, own);
      const hosts = [one, first].map((each) => new URL(each?.url ?? "").host);
      const message = `${hosts[0]} draws nothing: its class is "${own}", that of ${hosts[1]} ` +
        `"${wanted}", and their bytes differ; GPU_MIXED=allow takes both`;
      this.#ports.log({ level: "error", message });
    }
    return false;
  }

  /** All of them, asked now, for people who watch. How often they do must not decide where runs go. */
  async look(): Promise<GpuFunctionHealth[]> {
    return await Promise.all(
      this.#functions.map(async (one) => ({ ...await one.look(), circuit: one.breaker.state })),
    );
  }

  /** A single function with a closed circuit is not asked, since there is no choice to make. */
  async #refresh(one: GpuFunction): Promise<void> {
    if (one.breaker.state !== "closed") {
      if (one.breaker.mayProbe()) await this.#ask(one);
      return;
    }
    const at = this.#reports.get(one)?.at ?? -Infinity;
    const { length } = this.#functions;
    if (length > 1 && this.#ports.now() - at >= this.#options.loadMs) await this.#ask(one);
  }

  async #ask(one: GpuFunction): Promise<Health> {
    const health = await one.probe();
    this.#reports.set(one, { health, at: this.#ports.now() });
    if (health.determinism_class !== undefined) this.#classes.set(one, health.determinism_class);
    this.#sent.delete(one);
    return health;
  }

  #loadOf(one: GpuFunction): number {
    const { status, running = 0, queued = 0 } = this.#reports.get(one)?.health ?? READY;
    const isWilling = status === "READY" || status === "BUSY";
    return isWilling ? running + queued + (this.#sent.get(one) ?? 0) : Infinity;
  }
}

const READY: Health = { status: "READY" };
