/**
 * Decides which GPU function is asked first. Rooms live in many processes and none sees all runs,
 * so it counts what the functions report and what this process has sent them since.
 */
import { contentKey } from "../../contract/mod.ts";
import type { GpuFunctionHealth } from "./gpu_backend.ts";
import type { GpuFunction, Health } from "./gpu_function.ts";

interface Report {
  readonly health: Health;
  /** Epoch milliseconds. */
  readonly at: number;
}

export class GpuLoads {
  readonly #functions: readonly GpuFunction[];
  readonly #loadMs: number;
  readonly #now: () => number;
  readonly #reports = new Map<GpuFunction, Report>();
  readonly #sent = new Map<GpuFunction, number>();

  /** @param loadMs how long a report holds */
  constructor(functions: readonly GpuFunction[], loadMs: number, now: () => number) {
    this.#functions = functions;
    this.#loadMs = loadMs;
    this.#now = now;
  }

  /** Counts a submission on its way to a function. */
  count(one: GpuFunction): void {
    this.#sent.set(one, (this.#sent.get(one) ?? 0) + 1);
  }

  /**
   * Ranks the functions with a closed circuit: ready ones first, then those with fewest runs. The
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
      .filter(({ breaker }) => breaker.state === "closed")
      .map((one) => ({ one, load: this.#loadOf(one), draw: contentKey([key, one.url]) }))
      .sort((a, b) => a.load - b.load || (a.draw < b.draw ? -1 : 1))
      .map(({ one }) => one);
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
    if (this.#functions.length > 1 && this.#now() - at >= this.#loadMs) await this.#ask(one);
  }

  async #ask(one: GpuFunction): Promise<Health> {
    const health = await one.probe();
    this.#reports.set(one, { health, at: this.#now() });
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
