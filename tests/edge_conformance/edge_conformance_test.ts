// One table of behaviour, run in process, on Deno and on workerd with D1 and Durable Objects.
import { CASES } from "./cases.ts";
import { ConformanceClient } from "./conformance_client.ts";
import { type Edge, type EdgeOptions, startDeno, startInProcess, startWorkerd } from "./edges.ts";
import { GpuDouble } from "./gpu_double.ts";
import { publishFixtureModel } from "./published_model.ts";

const STARTS: readonly (readonly [name: string, start: (o: EdgeOptions) => Promise<Edge>])[] = [
  ["in process", startInProcess],
  ["on Deno", startDeno],
  ["on workerd", startWorkerd],
];

for (const [name, start] of STARTS) {
  Deno.test(`The edge ${name}`, async (t) => {
    const assets = await publishFixtureModel();
    const dataDir = await Deno.makeTempDir({ prefix: "shapefirst_data_" });
    const gpu = new GpuDouble().listen();
    const edge = await start({ gpuUrl: gpu.url, assets, dataDir });
    try {
      const client = new ConformanceClient(edge, gpu, 1);
      for (const { name, run } of CASES) await t.step(name, () => run(client));
    } finally {
      await edge.stop();
      await gpu.close();
      for (const folder of [assets, dataDir]) await Deno.remove(folder, { recursive: true });
    }
  });
}
