/** Counters of an edge that is one process, in Prometheus's format. */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { GenerationEvent } from "../../contract/mod.ts";
import type { RequestRecord } from "./request_record.ts";

/** Seconds. The first is for answers from memory, the last for waiting for a whole run. */
const SECONDS = [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60];

export class EdgeMetrics {
  readonly #registry = new Registry();
  readonly #requests = this.#counter(
    "requests_total",
    "Requests by method, route and status",
    ["method", "route", "status"],
  );
  readonly #seconds = new Histogram({
    name: "shapefirst_edge_request_seconds",
    help: "Time until an answer's headers, by route",
    labelNames: ["route"],
    buckets: SECONDS,
    registers: [this.#registry],
  });
  readonly #answers = this.#counter(
    "answers_total",
    "Generations asked for: hit, stored; join, a run of others; miss, a run begun",
    ["cache"],
  );
  readonly #runs = this.#counter("runs_ended_total", "Runs by their end", ["outcome"]);
  readonly #webhooks = this.#counter("webhook_calls_total", "Calls of webhooks", ["outcome"]);

  /** @param working counts the pieces of work that go on after the responses, runs among them */
  constructor(working: () => number) {
    new Gauge({
      name: "shapefirst_edge_working",
      help: "Pieces of work that go on behind the responses, runs among them",
      registers: [this.#registry],
      collect() {
        this.set(working());
      },
    });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  countRequest({ method, route, status, ms, cache }: RequestRecord): void {
    const labels = { method, route: route ?? "none", status: String(status) };
    this.#requests.inc(labels);
    this.#seconds.observe({ route: labels.route }, ms / 1_000);
    if (cache !== null) this.#answers.inc({ cache });
  }

  countRun({ type }: GenerationEvent): void {
    this.#runs.inc({ outcome: type.replace("generation.", "") });
  }

  /** @param outcome one of the few words for how an attempt at a webhook ends */
  countCall(outcome: string): void {
    this.#webhooks.inc({ outcome });
  }

  #counter<Label extends string>(name: string, help: string, labelNames: Label[]): Counter<Label> {
    const registers = [this.#registry];
    return new Counter({ name: `shapefirst_edge_${name}`, help, labelNames, registers });
  }
}
