/** A GPU that was asked for and is not there stops the start, unless the order names another. */
import assert from "node:assert/strict";
import { chooseProvider } from "./provider.ts";
import { tryProvider } from "./session.ts";

/** A machine with these providers, and which of them it was asked to try. */
function machine(...present: string[]) {
  const tried: string[] = [];
  const attempt = (provider: string) => {
    tried.push(provider);
    return Promise.resolve(present.includes(provider) ? null : `no ${provider} here`);
  };
  return { tried, attempt };
}

Deno.test("the first provider that works is taken, and later ones are not tried", async () => {
  const { tried, attempt } = machine("webgpu", "coreml");
  assert.deepEqual(await chooseProvider(["cuda", "webgpu", "coreml", "cpu"], attempt), {
    provider: "webgpu",
    passedOver: ["cuda (no cuda here)"],
  });
  assert.deepEqual(tried, ["cuda", "webgpu"]);
});

Deno.test("without another in the order the reasons are one sentence", async () => {
  await assert.rejects(chooseProvider(["cuda", "webgpu"], machine().attempt), {
    name: "RangeError",
    message:
      "GPU_PROVIDER must name a provider that this machine has, given cuda (no cuda here), " +
      "webgpu (no webgpu here)",
  });
});

Deno.test("the CPU is taken without a try", async () => {
  const { tried, attempt } = machine();
  assert.deepEqual(await chooseProvider(["cpu"], attempt), { provider: "cpu", passedOver: [] });
  assert.deepEqual(tried, []);
});

Deno.test("onnxruntime runs the probe, and says in one line why it cannot", async () => {
  assert.equal(await tryProvider("cpu"), null);
  const reason = await tryProvider("dml");
  if (reason === null) return; // on Windows with DirectX it works
  assert.match(reason, /^[^\n]+$/);
});
