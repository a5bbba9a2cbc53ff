/** A graph whose weights lie in a file beside it runs the same, wherever links lead to the two. */
import assert from "node:assert/strict";
import { cp, mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seededNoise } from "../../gpu-function/diffusion/mod.ts";
import { readOnnxGraph } from "../../gpu-function/onnx/graph_file/onnx_graph.ts";
import { crossAttentionTaps } from "../../scripts/cli/models/graphs/cross_attention.ts";
import { FIXTURES } from "./goldens.ts";
import { loadDenoiser } from "../../gpu-function/onnx/denoiser/denoiser.ts";
import { readModelPackage } from "../../gpu-function/packages/model_package.ts";

const GRAPH = "unet/model.onnx";
const WEIGHTS = "unet/model.onnx_data";

/** Moves the file to a place outside the package, and leaves a link to it. */
async function moveAway(folder: string, path: string, place: string): Promise<void> {
  const away = join(folder, "..", place);
  await mkdir(join(away, ".."), { recursive: true });
  await rename(join(folder, path), away);
  await symlink(away, join(folder, path));
}

const LAYOUTS: readonly [string, (folder: string) => Promise<unknown>][] = [
  ["side by side", () => Promise.resolve()],
  ["a download cache: both are links to one folder, under hashes", async (folder) => {
    await moveAway(folder, GRAPH, "blobs/0123abcd");
    await moveAway(folder, WEIGHTS, "blobs/4567cdef");
  }],
  ["both are links, with their own names", async (folder) => {
    await moveAway(folder, GRAPH, "store/model.onnx");
    await moveAway(folder, WEIGHTS, "store/model.onnx_data");
  }],
  ["the folder is a link", (folder) => moveAway(folder, "unet", "elsewhere")],
  ["the folder of a download cache is a link", async (folder) => {
    await moveAway(folder, GRAPH, "blobs/0123abcd");
    await moveAway(folder, WEIGHTS, "blobs/4567cdef");
    await moveAway(folder, "unet", "snapshot");
  }],
  ["the weights alone are a link", (folder) => moveAway(folder, WEIGHTS, "blobs/4567cdef")],
  ["the graph alone is a link", (folder) => moveAway(folder, GRAPH, "blobs/0123abcd")],
  ["two folders", async (folder) => {
    await moveAway(folder, GRAPH, "graphs/0123abcd");
    await moveAway(folder, WEIGHTS, "weights/4567cdef");
  }],
];

async function withLayout(
  change: (folder: string) => Promise<unknown>,
  use: (folder: string) => Promise<void>,
): Promise<void> {
  const parent = await mkdtemp(join(tmpdir(), "shapefirst-links-"));
  const folder = join(parent, "package");
  try {
    await cp(join(FIXTURES, "sd1/package"), folder, { recursive: true });
    await cp(join(FIXTURES, "sd1/variants/external_data"), folder, { recursive: true });
    const taps = crossAttentionTaps(readOnnxGraph(join(folder, GRAPH)));
    await writeFile(join(folder, "shapefirst.json"), JSON.stringify({ taps }));
    await change(folder);
    await use(folder);
  } finally {
    await rm(parent, { recursive: true });
  }
}

/** One row, with its attention where it is tapped. */
async function runRow(
  folder: string,
  { tapped, packedDir }: { readonly tapped: boolean; readonly packedDir: string | null },
): Promise<number[][]> {
  const { denoiserConfig, family, files, taps } = await readModelPackage(folder);
  const denoiser = await loadDenoiser(files.denoiser, {
    ...denoiserConfig,
    ...family.denoiser,
    pixelsPerLatent: null,
    textWidth: 16,
    taps: tapped ? taps : [],
  }, { executionProvider: "cpu", intraOpNumThreads: 1, exact: true, packedDir });
  try {
    const { data } = seededNoise(1, [77, 16]);
    const states = { sequence: { data, positions: 77, width: 16 }, pooled: null };
    const row = { x: seededNoise(0, [4, 8, 12]), timestep: 500, states, tapped };
    const { value, attention } = await denoiser.run([row]);
    return [...value, ...attention?.[0] ?? []].map(({ data }) => [...data]);
  } finally {
    await denoiser.sessions[0].release();
  }
}

for (const tapped of [false, true]) {
  const plain: number[][] = [];
  await withLayout(
    () => Promise.resolve(),
    async (folder) => void plain.push(...await runRow(folder, { tapped, packedDir: null })),
  );
  for (const [name, change] of LAYOUTS) {
    for (const packed of [false, true]) {
      const how = `${tapped ? "with" : "without"} attention, ${packed ? "packed" : "as it is"}`;
      Deno.test(`weights beside a graph, ${how}: ${name}`, () =>
        withLayout(change, async (folder) => {
          const packedDir = packed ? join(folder, "../packed") : null;
          assert.equal(plain.length, tapped ? 5 : 1);
          // What was packed is opened the second time.
          for (let time = 0; time < 2; time++) {
            assert.deepEqual(await runRow(folder, { tapped, packedDir }), plain);
          }
        }));
    }
  }
}

Deno.test("what was packed is packed anew when weights in another folder have changed", () =>
  withLayout((folder) => moveAway(folder, WEIGHTS, "blobs/4567cdef"), async (folder) => {
    const options = { tapped: false, packedDir: join(folder, "../packed") };
    const before = await runRow(folder, options);
    const weights = join(folder, "../blobs/4567cdef");
    const values = new Float32Array((await readFile(weights)).buffer);
    await writeFile(weights, new Uint8Array(values.map((value) => value / 2).buffer));
    const after = await runRow(folder, options);
    assert.notDeepEqual(after, before);
    assert.deepEqual(after, await runRow(folder, { ...options, packedDir: null }));
  }));
