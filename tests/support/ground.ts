/** What an edge needs: a published model, an empty data folder, a GPU double. */
import { ConformanceClient } from "./conformance_client.ts";
import type { Edge, EdgeOptions } from "./edges.ts";
import { GpuDouble } from "./gpu_double.ts";
import { publishFixtureModel } from "./published_model.ts";

/** Sets all of it up for a test, and removes it afterwards. */
export async function withGround<Result>(
  test: (options: EdgeOptions, gpu: GpuDouble) => Promise<Result>,
): Promise<Result> {
  const assets = await publishFixtureModel();
  const dataDir = await Deno.makeTempDir({ prefix: "shapefirst_data_" });
  const gpu = new GpuDouble().listen();
  try {
    return await test({ gpuUrl: gpu.url, assets, dataDir }, gpu);
  } finally {
    await gpu.close();
    for (const folder of [assets, dataDir]) await Deno.remove(folder, { recursive: true });
  }
}

/** Starts an edge on such ground, with a client. */
export async function withClient<E extends Edge>(
  start: (options: EdgeOptions) => Promise<E>,
  test: (client: ConformanceClient, edge: E, options: EdgeOptions) => Promise<void>,
  more: Partial<EdgeOptions> = {},
): Promise<void> {
  await withGround(async (ground, gpu) => {
    const options = { ...ground, ...more };
    const edge = await start(options);
    try {
      await test(new ConformanceClient(edge, gpu, 1), edge, options);
    } finally {
      // This comes first, since an edge waits for the runs that a test has left.
      gpu.open();
      await edge.stop();
    }
  });
}
