/** What a dashboard sees. Read from the service and the engine at each scrape; nothing is counted twice. */
import { Counter, Gauge, Registry } from "prom-client";
import type { EngineCounters } from "../jobs/engine.ts";
import type { GenerationService, ServiceTally } from "../jobs/service.ts";

type Values = Readonly<Record<string, number>>;

interface Row {
  readonly name: string;
  readonly help: string;
  /** Where the value, or one value for each value of the label, comes from. */
  readonly read: (tally: ServiceTally, engine: EngineCounters) => number | Values;
  readonly label?: string;
}

const COUNTERS: readonly Row[] = [
  {
    name: "shapefirst_generations_started_total",
    help: "Generations given to the engine",
    read: ({ started }) => started,
  },
  {
    name: "shapefirst_generations_joined_total",
    help: "Requests answered by a job that was there already",
    read: ({ joined }) => joined,
  },
  {
    name: "shapefirst_generations_finished_total",
    help: "Generations by outcome",
    label: "outcome",
    read: ({ finished }) => finished,
  },
  {
    name: "shapefirst_requests_refused_total",
    help: "Submissions refused, by error code",
    label: "code",
    read: ({ refused }) => Object.fromEntries(refused),
  },
  {
    name: "shapefirst_evaluations_saved_total",
    help: "U-Net rows that guidance cutoffs left out",
    read: ({ evaluationsSaved }) => evaluationsSaved,
  },
  {
    name: "shapefirst_unet_rows_total",
    help: "Rows given to the U-Net session",
    read: (_, { unetRows }) => unetRows,
  },
  {
    name: "shapefirst_unet_runs_total",
    help: "Runs of the U-Net session, each of one or more rows",
    read: (_, { unetRuns }) => unetRuns,
  },
  {
    name: "shapefirst_inference_seconds_total",
    help: "Time inside the ONNX sessions",
    read: (_, { inferenceMs }) => inferenceMs / 1_000,
  },
];

const GAUGES: readonly Row[] = [
  {
    name: "shapefirst_generations_running",
    help: "Generations inside the engine",
    read: ({ running }) => running,
  },
  {
    name: "shapefirst_generations_queued",
    help: "Generations waiting for a slot",
    read: ({ queued }) => queued,
  },
  {
    name: "shapefirst_generations_retained",
    help: "Finished generations kept for those who come back",
    read: ({ retained }) => retained,
  },
  {
    name: "shapefirst_retained_bytes",
    help: "Estimated size of the finished generations kept",
    read: ({ retainedBytes }) => retainedBytes,
  },
  {
    name: "shapefirst_event_readers",
    help: "Open readers of event logs",
    read: ({ readers }) => readers,
  },
];

const NO_ENGINE: EngineCounters = { unetRows: 0, unetRuns: 0, inferenceMs: 0 };

export function createMetrics(service: GenerationService): Registry {
  const registry = new Registry();
  const read = (row: Row) => labelValues(row, service);
  for (const row of COUNTERS) {
    registry.registerMetric(
      new Counter({
        ...describe(row),
        collect() {
          this.reset();
          for (const { labels, value } of read(row)) this.inc(labels, value);
        },
      }),
    );
  }
  for (const row of GAUGES) {
    registry.registerMetric(
      new Gauge({
        ...describe(row),
        collect() {
          for (const { labels, value } of read(row)) this.set(labels, value);
        },
      }),
    );
  }
  return registry;
}

function labelValues({ read, label }: Row, { tally, engine }: GenerationService) {
  const value = read(tally, engine?.counters ?? NO_ENGINE);
  if (typeof value === "number" || !label) return [{ labels: {}, value: Number(value) }];
  return Object.entries(value).map(([name, value]) => ({ labels: { [label]: name }, value }));
}

function describe({ name, help, label }: Row) {
  return { name, help, labelNames: label ? [label] : [], registers: [] };
}
