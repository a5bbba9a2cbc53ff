// If this breaks, an operator's HOST is ignored, and the edge listens on the wrong network.
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url));

function spawnEdge(env: Record<string, string>): Deno.ChildProcess {
  const args = ["run", "-A", "--no-check", MAIN];
  const piped = { stdout: "piped", stderr: "piped" } as const;
  return new Deno.Command(Deno.execPath(), { args, env: { PORT: "0", ...env }, ...piped }).spawn();
}

/** Returns the first address that either output names, and discards all later output. */
async function listensAt({ stdout, stderr }: Deno.ChildProcess): Promise<string | undefined> {
  const search = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    let text = "";
    for await (const piece of stream.pipeThrough(new TextDecoderStream())) {
      text += piece;
      const [url] = /http:\/\/[\d.:[\]]+(?=\/)/.exec(text) ?? [];
      if (url) return url;
    }
    throw new Error(`No address in ${text}`);
  };
  return await Promise.any([search(stdout), search(stderr)]);
}

Deno.test({
  name: "The edge on Deno listens where HOST says",
  // Other systems have only one loopback address.
  ignore: Deno.build.os !== "linux",
  async fn() {
    const DATA_DIR = await Deno.makeTempDir();
    const child = spawnEdge({ HOST: "127.0.0.2", DATA_DIR });
    try {
      const url = await listensAt(child);
      assert.match(url ?? "", /^http:\/\/127\.0\.0\.2:\d+$/);
      const response = await fetch(`${url}/health`);
      assert.equal((await response.json()).status, "ok");
    } finally {
      child.kill("SIGKILL");
      await child.status;
      await Deno.remove(DATA_DIR, { recursive: true });
    }
  },
});

Deno.test("A wrong HOST ends the edge with one sentence", async () => {
  const DATA_DIR = await Deno.makeTempDir();
  const { code, stderr } = await spawnEdge({ HOST: "localhost", DATA_DIR }).output();
  await Deno.remove(DATA_DIR, { recursive: true });
  assert.equal(code, 2);
  assert.match(new TextDecoder().decode(stderr), /^HOST must be an IP address, .+"localhost"\n$/);
});
