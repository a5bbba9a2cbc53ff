/**
 * Keeps one connection: sends a request as bytes, parses the answer only as far as needed. It does
 * so little that the figures are the server's; `fetch` costs about as much as the route measured.
 */

const HEAD_END = "\r\n\r\n";

export interface Answer {
  readonly status: number;
  /** Milliseconds from the request to the first bytes of the body. */
  readonly firstMs: number;
  /** Milliseconds from the request to the last byte of the body. */
  readonly lastMs: number;
  readonly bytes: number;
}

export class KeepAlive {
  readonly #connection: Deno.TcpConn;
  readonly #buffer = new Uint8Array(256 * 1024);
  readonly #text = new TextDecoder("latin1");

  private constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
  }

  static async open(url: string): Promise<KeepAlive> {
    const { hostname, port } = new URL(url);
    const connection = await Deno.connect({ hostname, port: Number(port) });
    connection.setNoDelay(true);
    return new KeepAlive(connection);
  }

  close(): void {
    this.#connection.close();
  }

  /** @throws Error when the answer lacks both length and chunks, or the server closes */
  async ask(request: Uint8Array): Promise<Answer> {
    const start = performance.now();
    for (let at = 0; at < request.length;) {
      at += await this.#connection.write(request.subarray(at));
    }
    let received = "";
    let firstMs = NaN;
    while (true) {
      const n = await this.#connection.read(this.#buffer);
      if (n === null) throw new Error(`The server closed after ${received.length} bytes`);
      received += this.#text.decode(this.#buffer.subarray(0, n));
      const head = received.indexOf(HEAD_END);
      if (head < 0) continue;
      const bodyStart = head + HEAD_END.length;
      if (Number.isNaN(firstMs) && received.length > bodyStart) firstMs = performance.now() - start;
      if (!isWhole(received, head)) continue;
      const lastMs = performance.now() - start;
      const bytes = received.length - bodyStart;
      return { status: Number(received.slice(9, 12)), firstMs, lastMs, bytes };
    }
  }
}

function isWhole(received: string, head: number): boolean {
  const length = /\r\ncontent-length: (\d+)/i.exec(received.slice(0, head))?.[1];
  const bodyStart = head + HEAD_END.length;
  if (length !== undefined) return received.length >= bodyStart + Number(length);
  if (/\r\ntransfer-encoding: chunked/i.test(received.slice(0, head))) {
    return received.endsWith("0\r\n\r\n");
  }
  const status = received.slice(0, received.indexOf("\r\n"));
  throw new Error(`The answer ${JSON.stringify(status)} has neither a length nor chunks`);
}

export function requestBytes(
  { url, method, path, headers = {}, body = "" }: {
    readonly url: string;
    readonly method: string;
    readonly path: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string;
  },
): Uint8Array {
  const lines = Object.entries({
    host: new URL(url).host,
    ...headers,
    ...(body === "" ? {} : { "content-length": String(new TextEncoder().encode(body).length) }),
  }).map(([name, value]) => `${name}: ${value}`);
  return new TextEncoder().encode(
    `${method} ${path} HTTP/1.1\r\n${lines.join("\r\n")}${HEAD_END}${body}`,
  );
}
