/**
 * A GPU function that draws nothing, for measuring the edge. It sends events at a steady pace and
 * notes when it sent each. The pictures have the sizes of mini's.
 */
import {
  encodeOutput,
  type GenerationEvent,
  parseGenerationRequest,
  planGeneration,
  type PlanningModel,
} from "../../../../contract/mod.ts";
import { readModelPackage } from "../../../../gpu-function/packages/model_package.ts";
import { drawEvents } from "../../../../tests/support/drawn_events.ts";

const IMAGE_BYTES = 9_000;

export class PacedGpu {
  readonly #model: PlanningModel;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  /** Milliseconds between events; 0 for all at once. */
  paceMs = 0;
  /** Time at which each event of the newest run was sent, by event id. */
  sentAt: number[] = [];
  #relayed: readonly string[] = [];

  private constructor(model: PlanningModel) {
    this.#model = model;
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      (request) => this.#handle(request),
    );
  }

  static async listen(packageFolder: string): Promise<PacedGpu> {
    return new PacedGpu(await readModelPackage(packageFolder));
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  close(): Promise<void> {
    return this.#server.shutdown();
  }

  async #handle(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === "/health-check") return Response.json({ status: "READY" });
    // Repeats the frames of the newest run, for a route that only passes them on.
    if (pathname.startsWith("/relay/")) return this.#send(this.#relayed);
    if (request.method !== "PUT") return new Response(null, { status: 404 });
    const { input } = await request.json();
    this.#relayed = this.#draw(input).map(encodeOutput);
    return this.#send(this.#relayed);
  }

  #draw(input: { readonly seed: number }): GenerationEvent[] {
    const parsed = parseGenerationRequest(input);
    if (!parsed.ok) throw new Error(parsed.problem.detail);
    const plan = planGeneration({ ...parsed.value, seed: input.seed }, this.#model);
    if (!plan.ok) throw new Error(plan.problem.detail);
    return drawEvents(plan.value, { imageBytes: IMAGE_BYTES });
  }

  #send(frames: readonly string[]): Response {
    const text = new TextEncoder();
    const sentAt: number[] = [];
    this.sentAt = sentAt;
    const body = new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        const frame = frames[sentAt.length];
        if (frame === undefined) return controller.close();
        if (this.paceMs > 0) await new Promise((done) => setTimeout(done, this.paceMs));
        sentAt.push(performance.now());
        controller.enqueue(text.encode(frame));
      },
    }, { highWaterMark: 0 });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  }
}
