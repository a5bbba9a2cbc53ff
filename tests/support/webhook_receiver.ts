/** A client's server that receives webhooks, on loopback. */
import { Webhook } from "standardwebhooks";
import { within } from "../../edge/clock.ts";

/** After this time a test without its call fails instead of hanging. */
const PATIENCE_MS = 20_000;

export interface ReceivedCall {
  readonly path: string;
  readonly id: string;
  /** The payload as checked by the specification's own library; null where it is refused. */
  readonly verified: VerifiedPayload | null;
}

interface VerifiedPayload {
  readonly type: string;
  readonly timestamp: string;
  readonly data: { readonly id: string; readonly status: string } & Record<string, unknown>;
}

type Answer = (path: string, attempt: number) => Response;

export class WebhookReceiver {
  readonly calls: ReceivedCall[] = [];
  /** Answers a call by its path and attempt, from 1. */
  answer: Answer = () => new Response(null, { status: 204 });
  /** The secret of the account that the calls are for. */
  secret: string;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  #heard = Promise.withResolvers<void>();

  constructor(secret = "") {
    this.secret = secret;
    const options = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
    this.#server = Deno.serve(options, (request) => this.#receive(request));
  }

  url(path: string): string {
    return `http://127.0.0.1:${this.#server.addr.port}${path}`;
  }

  /** Resolves with the calls for a path once there are `count`. Rejects when no call comes. */
  async received(path: string, count = 1): Promise<ReceivedCall[]> {
    while (true) {
      const calls = this.to(path);
      if (calls.length >= count) return calls;
      await within(this.#heard.promise, PATIENCE_MS, `A webhook to ${path}`);
    }
  }

  to(path: string): ReceivedCall[] {
    return this.calls.filter((call) => call.path === path);
  }

  async close(): Promise<void> {
    await this.#server.shutdown();
  }

  async #receive(request: Request): Promise<Response> {
    const path = new URL(request.url).pathname;
    const text = await request.text();
    const id = request.headers.get("webhook-id") ?? "";
    this.calls.push({ path, id, verified: this.#verify(text, request.headers) });
    const answer = this.answer(path, this.to(path).length);
    this.#heard.resolve();
    this.#heard = Promise.withResolvers();
    return answer;
  }

  #verify(text: string, headers: Headers): VerifiedPayload | null {
    try {
      return new Webhook(this.secret).verify(text, Object.fromEntries(headers)) as VerifiedPayload;
    } catch {
      return null;
    }
  }
}
