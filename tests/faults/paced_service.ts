/** The GPU function's own service on loopback, with an engine that waits to be let on. */
import { PacedEngine } from "../../gpu-function/fixtures/paced_engine.ts";
import { createMetrics } from "../../gpu-function/server/metrics.ts";
import { CallVerifier } from "../../gpu-function/server/request_signature.ts";
import { createServer } from "../../gpu-function/server/server.ts";
import { drawEvents } from "../edge_conformance/gpu_double.ts";
import { GenerationService, type ServiceTally } from "../../gpu-function/jobs/service.ts";

export interface Capacity {
  readonly running: number;
  readonly queued: number;
}

export interface SignedClock {
  readonly secret: string;
  /** What its clock shows beyond the right time. */
  aheadMs: number;
}

const clock = {
  now: () => Date.now(),
  setTimer(delayMs: number, callback: () => void) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

export class PacedService {
  readonly #service: GenerationService;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #gate = Promise.withResolvers<void>();

  /** @param signed calls have to be signed, by a clock that may be wrong */
  constructor({ running, queued }: Capacity, signed: SignedClock | null = null) {
    const limits = {
      runningMax: running,
      queuedMax: queued,
      readersMax: 1_024,
      retainedMax: 16,
      retainedBytes: 64_000_000,
      retainedMs: 60_000,
      drainMs: 1_000,
      cancelMs: 1_000,
    };
    const log = () => {};
    const service = new GenerationService(limits, { clock, log });
    const gate = this.#gate.promise;
    const engine = new PacedEngine({
      async *script({ plan }) {
        await gate;
        // The first two, the service says itself.
        yield* drawEvents(plan).slice(2);
      },
    });
    service.start(engine);
    const metrics = createMetrics(service);
    const drawId = () => crypto.randomUUID();
    const verifier = signed &&
      new CallVerifier([signed.secret], { now: () => Date.now() + signed.aheadMs });
    const app = createServer({ service, metrics, clock, log, drawId, verifier });
    this.#service = service;
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      (request) => app.fetch(request),
    );
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  get tally(): ServiceTally {
    return this.#service.tally;
  }

  /** Lets the runs go on, those to come included. */
  open(): void {
    this.#gate.resolve();
  }

  async close(): Promise<void> {
    this.open();
    await this.#service.drain();
    await this.#server.shutdown();
  }
}
