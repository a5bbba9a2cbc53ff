// Broken here: a GPU function that is told to stop crashes in the GPU's driver, which looks like a failure.
import assert from "node:assert/strict";
import { join } from "node:path";
import { findSwiftShader } from "./swiftshader.ts";

const MAIN = join(import.meta.dirname ?? ".", "../../gpu-function/main.ts");
const swiftShader = findSwiftShader();
const NAME = "a GPU function on WebGPU ends with code 0 when it is told to stop";

Deno.test({
  name: swiftShader.found ? NAME : `${NAME}. ${swiftShader.missing}`,
  ignore: !swiftShader.found,
  async fn() {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", "--no-check", MAIN],
      env: {
        GPU_PORT: "0",
        GPU_THREADS: "1",
        GPU_PROVIDER: "webgpu",
        ...(swiftShader.found ? swiftShader.env : {}),
      },
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const log = new Response(child.stderr).text();
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      if (text.includes("GPU function ready")) child.kill("SIGTERM");
    }
    const { code, signal } = await child.status;
    assert.deepEqual({ code, signal }, { code: 0, signal: null }, await log);
  },
});
