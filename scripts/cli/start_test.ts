// If this breaks, a start that cannot succeed hangs, or leaves processes behind.
import assert from "node:assert/strict";
import process from "node:process";
import { ROOT } from "../checkout.ts";
import { startStack } from "../service/stack.ts";

const ATTEMPTS = 400;
const PAUSE_MS = 50;

Deno.test("A folder without models ends the start with what the GPU function says of it", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await assert.rejects(
      startStack({
        port: 0,
        gpuPort: 0,
        dataDir: folder,
        modelsDir: folder,
        quiet: true,
        platform: "deno",
      }),
      { message: `${folder} must hold a model package in a sub-folder` },
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("Whoever leaves while it starts leaves nothing running", async () => {
  const script = `
    import { startGpuFunction } from "${ROOT}scripts/service/stack.ts";
    const { pid } = startGpuFunction({ gpuPort: 0, modelsDir: "gpu-function/models", quiet: true });
    console.log(pid);
    Deno.exit(130);
  `;
  const { stdout, code } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", script],
    cwd: ROOT,
  }).output();
  assert.equal(code, 130);
  const pid = Number(new TextDecoder().decode(stdout));
  assert(pid > 0);
  for (let i = 0; i < ATTEMPTS && isRunning(pid); i++) {
    await new Promise((done) => setTimeout(done, PAUSE_MS));
  }
  assert(!isRunning(pid), "the GPU function goes on alone");
});

/** Signal 0 sends nothing, and fails when the process is gone. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
