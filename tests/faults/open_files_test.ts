// Broken here: connections without end use up the files that a process may open, and end it.
import assert from "node:assert/strict";
import { ROOT } from "../../scripts/checkout.ts";
import { withGround } from "../support/ground.ts";

const FILES_MAX = 200;
const CONNECTIONS = 240;
const HEAD = "POST /v1/plans HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";

/** What each connection says before it falls silent. */
const WORDS: Readonly<Record<string, string>> = {
  "nothing": "",
  "half a head": "GET /health HTTP/1.1\r\nHos",
  "half a body": `${HEAD}Content-Length: 100\r\n\r\n{"prompt`,
  "one whole request": "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n",
  "no HTTP": "hello\n",
};

interface Program {
  readonly main: string;
  readonly path: string;
  readonly ready: RegExp;
  readonly failed: RegExp;
}

const PROGRAMS: Readonly<Record<string, Program>> = {
  "The edge on Deno": {
    main: "edge/platforms/deno/main.ts",
    path: "/v1/openapi.json",
    ready: /Listening on (http:\S+)/,
    failed: /Listening failed/g,
  },
  "The GPU function": {
    main: "gpu-function/main.ts",
    path: "/live",
    ready: /ready at (http:\S+)/,
    failed: /service\.listening_failed/g,
  },
};

async function startLimited({ main, ready }: Program, environment: Record<string, string>) {
  const child = new Deno.Command("bash", {
    args: ["-c", `ulimit -n ${FILES_MAX}; exec "$0" run -A ${main}`, Deno.execPath()],
    cwd: ROOT,
    env: { ...environment, NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let output = "";
  const url = Promise.withResolvers<string>();
  const read = async (stream: ReadableStream<Uint8Array>) => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      output += text;
      const [, found] = output.match(ready) ?? [];
      if (found) url.resolve(found);
    }
  };
  const ended = Promise.all([read(child.stdout), read(child.stderr), child.status]);
  ended.then(() => url.reject(new Error(`It ended:\n${output}`)), () => {});
  return { child, ended, url: (await url.promise).replace(/\/$/, ""), output: () => output };
}

async function occupy(url: string, words: string): Promise<Deno.TcpConn[]> {
  const { hostname, port } = new URL(url);
  const connections: Deno.TcpConn[] = [];
  for (let i = 0; i < CONNECTIONS; i++) {
    try {
      const connection = await Deno.connect({ hostname, port: Number(port) });
      connections.push(connection);
      await connection.write(new TextEncoder().encode(words));
    } catch {
      // The listener is away, as it may be.
    }
  }
  return connections;
}

async function answersAgain(url: string): Promise<number> {
  for (let i = 0; i < 100; i++) {
    const status = await fetch(url).then(async (response) => {
      await response.body?.cancel();
      return response.status;
    }).catch(() => null);
    if (status !== null) return status;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("It does not answer");
}

for (const [name, program] of Object.entries(PROGRAMS)) {
  Deno.test(`${name} outlives more connections than files, and serves again behind them`, async (t) => {
    await withGround(async ({ assets, dataDir, gpuUrl }) => {
      const environment = {
        ...{ HOST: "127.0.0.1", PORT: "0", GPU_PORT: "0", GPU_URL: gpuUrl, SHUTDOWN_SECONDS: "0" },
        ...{ ASSETS_DIR: assets, DATA_DIR: dataDir, GPU_DRAIN_SECONDS: "0" },
      };
      const { child, ended, url, output } = await startLimited(program, environment);
      try {
        let failures = 0;
        for (const [said, words] of Object.entries(WORDS)) {
          await t.step(`that say ${said}`, async () => {
            const connections = await occupy(url, words);
            for (const connection of connections) connection.close();
            assert.equal(await answersAgain(url + program.path), 200);
            const now = output().match(program.failed)?.length ?? 0;
            assert(now - failures <= 3, `it said so ${now - failures} times`);
            failures = now;
          });
        }
        assert(failures > 0, "no connection was one too many");
      } finally {
        child.kill("SIGTERM");
        await ended;
      }
    });
  });
}
