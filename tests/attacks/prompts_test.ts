// A prompt or a path did more than ask for a picture, on one of the platforms.
import assert from "node:assert/strict";
import { ConformanceClient } from "../edge_conformance/conformance_client.ts";
import {
  type Edge,
  type EdgeOptions,
  startDeno,
  startInProcess,
  startWorkerd,
} from "../edge_conformance/edges.ts";
import { GpuDouble } from "../edge_conformance/gpu_double.ts";
import { publishFixtureModel } from "../edge_conformance/published_model.ts";
import { POLICY, PROMPT_CASES } from "./prompt_cases.ts";

async function withEdge<E extends Edge>(
  start: (options: EdgeOptions) => Promise<E>,
  test: (client: ConformanceClient, edge: E) => Promise<void>,
): Promise<void> {
  const assets = await publishFixtureModel();
  const dataDir = await Deno.makeTempDir({ prefix: "shapefirst_attacks_" });
  const gpu = new GpuDouble().listen();
  const edge = await start({ gpuUrl: gpu.url, assets, dataDir, environment: POLICY });
  try {
    await test(new ConformanceClient(edge, gpu, 1), edge);
  } finally {
    await edge.stop();
    await gpu.close();
    for (const folder of [assets, dataDir]) await Deno.remove(folder, { recursive: true });
  }
}

async function runCases(t: Deno.TestContext, client: ConformanceClient): Promise<void> {
  for (const { name, run } of PROMPT_CASES) await t.step(name, () => run(client));
}

/** A word for each way that a request can go, to be looked for in the logs. */
const WORDS = ["zanzibar", "xylophone", "quagmire", "weasel"];

/** Accepted, refused for its form, refused by the policy, failed: with each prompt in a request. */
async function sayWords(client: ConformanceClient): Promise<void> {
  const [accepted, invalid, unplannable] = WORDS;
  await client.json({ ...client.fresh(), prompt: `a ${accepted}` });
  const failing = { ...client.fresh(), prompt: `a blue ${accepted}` };
  client.gpu.script(failing.seed, { fail: true });
  const requests = [
    failing,
    { ...client.fresh(), prompt: `a ${invalid}`, steps: 5 },
    { ...client.fresh(), prompt: `a b a b a b a b a b ${unplannable}` },
    { ...client.fresh(), prompt: "a weasel" },
    { base: { ...client.fresh(), prompt: "a weasel" }, cutoffs: [{ a: 1 }, { a: 2 }] },
  ];
  for (const body of requests) {
    const path = "base" in body ? "/v1/sweeps" : "/v1/generations";
    await (await client.post(body, { path })).text();
  }
}

Deno.test("Prompts against the edge in process", (t) =>
  withEdge(startInProcess, (client) => runCases(t, client)));

for (const [name, start] of [["Deno", startDeno], ["workerd", startWorkerd]] as const) {
  Deno.test(`Prompts against the edge on ${name}`, (t) =>
    withEdge(start, async (client, edge) => {
      await runCases(t, client);
      await t.step("writes no prompt into its logs", async () => {
        await sayWords(client);
        // So that what is looked for had been written by now.
        assert.equal((await client.request("/v1/models/quetzal")).status, 404);
        const output = edge.output();
        for (const word of WORDS) assert(!output.includes(word), `${word} in ${output}`);
        assert.doesNotMatch(output, /blue bird|a bird|script>/);
      });
    }));
}
