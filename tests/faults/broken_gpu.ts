/** A GPU function that fails on demand: each connection for a seed is answered by its script. */
import { encodeOutput, parseEventId } from "../../contract/mod.ts";
import { drawEvents, planOf } from "../support/drawn_events.ts";

export interface Connection {
  /** The count of this seed's connections, from 1. */
  readonly number: number;
  /** The cursor that the edge has; -1 for none. */
  readonly after: number;
  /** What a sound GPU function would send now, one frame per event. */
  readonly frames: readonly string[];
}

export type Answer = (connection: Connection) => Response | Promise<Response>;

export class BrokenGpu {
  readonly #answers = new Map<number, Answer>();
  readonly #connections = new Map<number, number>();
  readonly #stop = new AbortController();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor() {
    const { signal } = this.#stop;
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, signal, onListen: () => {} },
      (request) => this.#handle(request),
    );
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** Sets the script of a seed. Seeds without one get the whole run. */
  script(seed: number, answer: Answer): void {
    this.#answers.set(seed, answer);
  }

  connections(seed: number): number {
    return this.#connections.get(seed) ?? 0;
  }

  async close(): Promise<void> {
    // A graceful stop would wait for ever for connections that hang on purpose.
    this.#stop.abort();
    await this.#server.finished;
  }

  async #handle(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === "/health-check") return Response.json({ status: "READY" });
    if (request.method !== "PUT") return new Response(null, { status: 404 });
    const { input } = await request.json();
    const { seed } = input;
    const after = parseEventId(request.headers.get("last-event-id")) ?? -1;
    const frames = drawEvents(planOf(input)).map(encodeOutput).slice(after + 1);
    const number = this.connections(seed) + 1;
    this.#connections.set(seed, number);
    return await (this.#answers.get(seed) ?? sound)({ number, after, frames });
  }
}

export function sound({ frames }: Connection): Response {
  return streamOf(frames);
}

export function streamOf(chunks: Iterable<string | Uint8Array<ArrayBuffer>>): Response {
  const text = new TextEncoder();
  const bytes = [...chunks].map((c) => typeof c === "string" ? text.encode(c) : c);
  const headers = { "content-type": "text/event-stream" };
  return new Response(ReadableStream.from(bytes), { headers });
}

/** Sends the chunks and then nothing, without closing. */
export function hangingStream(chunks: readonly string[]): Response {
  const queue = chunks.map((chunk) => new TextEncoder().encode(chunk));
  const never = Promise.withResolvers<void>();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const next = queue.shift();
      if (next) controller.enqueue(next);
      else await never.promise;
    },
    cancel: () => never.resolve(),
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}
