// Broken here: a listener between edge and GPU function can repeat or change a call.
import assert from "node:assert/strict";
import { audienceOf, SIGNATURE_HEADERS } from "../../contract/mod.ts";
import { GpuDouble } from "../support/gpu_double.ts";
import { assertWhole, undisturbedSha256, withEdge } from "../faults/stage.ts";

const SECRET = "a_secret_that_both_have";

interface HeardCall {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

interface Between {
  readonly heard: HeardCall[];
  readonly url: string;
  /** Whether calls are kept from arriving, so that the listener can send them first. */
  withholds: boolean;
  close(): Promise<void>;
}

/** A server that passes calls on, and keeps them. */
function listenBetween(gpuUrl: string): Between {
  const heard: HeardCall[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const { pathname: path, search } = new URL(request.url);
      const { method } = request;
      const body = await request.text();
      const headers = Object.fromEntries(request.headers);
      if (path.startsWith("/predictions/")) heard.push({ method, path, headers, body });
      if (between.withholds) return new Response(null, { status: 504 });
      const init = method === "GET" ? { headers } : { method, headers, body };
      return await fetch(gpuUrl + path + search, init);
    },
  );
  const between: Between = {
    heard,
    url: `http://127.0.0.1:${server.addr.port}`,
    withholds: false,
    close: () => server.shutdown(),
  };
  return between;
}

async function send(gpuUrl: string, { method, path, headers, body }: HeardCall) {
  const response = await fetch(gpuUrl + path, { method, headers, body });
  const { code } = response.status === 200
    ? (await response.body?.cancel(), { code: null })
    : await response.json();
  return { status: response.status, code };
}

const REFUSED = { status: 401, code: "unauthorized" };

/** Changes the last digit. */
const bend = (text: string | undefined) =>
  (text ?? "").replace(/.$/, (digit) => digit === "1" ? "2" : "1");

/** Calls that each differ from the signed one in one part. */
function changesOf(call: HeardCall, seed: number): HeardCall[] {
  const { timestamp, nonce, signature, audience } = SIGNATURE_HEADERS;
  const { [audience]: _, ...nameless } = call.headers;
  const bent = (name: string) => ({
    ...call,
    headers: { ...call.headers, [name]: bend(call.headers[name]) },
  });
  return [
    ...[timestamp, nonce, signature, audience].map(bent),
    { ...call, headers: nameless },
    { ...call, body: call.body.replace(`"seed":${seed}`, '"seed":99') },
    { ...call, path: `/predictions/${"0".repeat(64)}` },
    { ...call, path: `${call.path}?more` },
    { ...call, path: `${call.path}/cancel`, method: "POST" },
    { ...call, headers: { "content-type": "application/json" } },
  ];
}

Deno.test("A call that was heard is good for nothing: repeated or changed, it is refused", async () => {
  const gpu = new GpuDouble({ signed: { secret: SECRET, aheadMs: 0 } }).listen();
  const between = listenBetween(gpu.url);
  try {
    await withEdge(between.url, async (client) => {
      const request = client.fresh();
      await assertWhole(await client.stream(request), undisturbedSha256(request));
      const [call] = between.heard;
      assert(call);
      assert.deepEqual(await send(gpu.url, call), REFUSED, "repeated");

      between.withholds = true;
      const other = client.fresh();
      assert.equal((await client.post(other)).status, 503);
      const unused = between.heard.at(-1);
      assert(unused && unused.body.includes(`"seed":${other.seed}`));
      const { started, joined } = gpu.tally;
      for (const changed of changesOf(unused, other.seed)) {
        assert.deepEqual(await send(gpu.url, changed), REFUSED, JSON.stringify(changed));
      }
      assert.deepEqual([gpu.tally.started, gpu.tally.joined], [started, joined]);
      assert.equal((await send(gpu.url, unused)).status, 200, "as it was signed it is good, once");
      assert.deepEqual(await send(gpu.url, unused), REFUSED);

      // A retry is signed anew.
      between.withholds = false;
      await assertWhole(await client.stream(other), undisturbedSha256(other));
    }, { GPU_SECRET: SECRET });
  } finally {
    await between.close();
    await gpu.close();
  }
});

Deno.test("A call that was heard on its way to one GPU function is refused by every other", async () => {
  const names = new Set<string>();
  const signed = { secret: SECRET, aheadMs: 0 };
  const gpu = new GpuDouble({ signed: { ...signed, names } }).listen();
  const others = [new Set<string>(), new Set(["gpu.example"]), new Set(["127.0.0.1"])]
    .map((others) => new GpuDouble({ signed: { ...signed, names: others } }).listen());
  const between = listenBetween(gpu.url);
  names.add(audienceOf(new URL(between.url)));
  try {
    await withEdge(between.url, async (client) => {
      between.withholds = true;
      const request = client.fresh();
      assert.equal((await client.post(request)).status, 503);
      const call = between.heard.at(-1);
      assert(call);
      const { audience } = SIGNATURE_HEADERS;
      for (const other of others) {
        const host = new URL(other.url).host;
        const { [audience]: _, ...nameless } = call.headers;
        const tries: readonly HeardCall["headers"][] = [
          call.headers,
          nameless,
          { ...call.headers, [audience]: host },
          { ...call.headers, [audience]: "gpu.example" },
          { ...call.headers, host: new URL(between.url).host },
        ];
        for (const headers of tries) {
          assert.deepEqual(await send(other.url, { ...call, headers }), REFUSED);
        }
        assert.equal(other.started, 0);
      }
      assert.equal((await send(gpu.url, call)).status, 200, "it was good where it was meant for");
    }, { GPU_SECRET: SECRET });
  } finally {
    await between.close();
    for (const one of [gpu, ...others]) await one.close();
  }
});
