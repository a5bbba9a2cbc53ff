// Who hears the calls between edge and GPU function can neither repeat nor change one.
import assert from "node:assert/strict";
import { SIGNATURE_HEADERS } from "../../contract/mod.ts";
import { PacedService } from "../faults/paced_service.ts";
import { assertWhole, undisturbedSha256, withEdge } from "../faults/stage.ts";

const SECRET = "a_secret_that_both_have";

interface HeardCall {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Passes calls on, and keeps them. */
function listenBetween(gpuUrl: string) {
  const heard: HeardCall[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const { pathname: path, search } = new URL(request.url);
      const { method } = request;
      const body = await request.text();
      const headers = Object.fromEntries(request.headers);
      if (path.startsWith("/predictions/")) heard.push({ method, path, headers, body });
      const init = method === "GET" ? { headers } : { method, headers, body };
      return await fetch(gpuUrl + path + search, init);
    },
  );
  return { heard, url: `http://127.0.0.1:${server.addr.port}`, close: () => server.shutdown() };
}

async function send(gpuUrl: string, { method, path, headers, body }: HeardCall) {
  const response = await fetch(gpuUrl + path, { method, headers, body });
  const { code } = response.status === 200
    ? (await response.body?.cancel(), { code: null })
    : await response.json();
  return { status: response.status, code };
}

const REFUSED = { status: 401, code: "unauthorized" };

/** The last digit becomes another one. */
const bend = (text: string | undefined) =>
  (text ?? "").replace(/.$/, (digit) => digit === "1" ? "2" : "1");

Deno.test("A call that was heard is good for nothing: repeated or changed, it is refused", async () => {
  const gpu = new PacedService({ running: 4, queued: 16 }, { secret: SECRET, aheadMs: 0 });
  gpu.open();
  const between = listenBetween(gpu.url);
  try {
    await withEdge(between.url, async (client) => {
      const request = client.fresh();
      await assertWhole(await client.stream(request), undisturbedSha256(request));
      const [call] = between.heard;
      assert(call);
      const { started, joined } = gpu.tally;
      assert.deepEqual(await send(gpu.url, call), REFUSED, "repeated");
      const { timestamp, nonce, signature } = SIGNATURE_HEADERS;
      const another = { ...call.headers, [nonce]: crypto.randomUUID() };
      const changed: readonly HeardCall[] = [
        { ...call, headers: another },
        { ...call, headers: { ...another, [signature]: bend(call.headers[signature]) } },
        { ...call, headers: { ...call.headers, [timestamp]: bend(call.headers[timestamp]) } },
        { ...call, body: call.body.replace(`"seed":${request.seed}`, '"seed":99') },
        { ...call, path: `/predictions/${"0".repeat(64)}` },
        { ...call, path: `${call.path}/cancel`, method: "POST" },
        { ...call, headers: { "content-type": "application/json" } },
      ];
      for (const one of changed) assert.deepEqual(await send(gpu.url, one), REFUSED);
      assert.deepEqual([gpu.tally.started, gpu.tally.joined], [started, joined]);
      // Its retry is signed anew.
      const other = client.fresh();
      await assertWhole(await client.stream(other), undisturbedSha256(other));
    }, { GPU_SECRET: SECRET });
  } finally {
    await between.close();
    await gpu.close();
  }
});
