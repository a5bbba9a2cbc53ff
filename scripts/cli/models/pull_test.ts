// Pulls through the hub's own library: a broken download never becomes a model.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { readModelPackage } from "../../../gpu-function/packages/model_package.ts";
import { runModels } from "../models.ts";
import {
  COMMIT,
  type FakeHub,
  type FakeHubOptions,
  type HubRequest,
  REPOSITORY,
  serveHub,
} from "./fixtures/fake_hub.ts";
import { type RecordedWorld, recordedWorld } from "./fixtures/recorded_world.ts";
import { openWorkshop, readFiles, TINY, type Workshop } from "./fixtures/small_package.ts";
import { withPullFolder } from "./hub/pull_folder.ts";

const UNET = "unet/model.onnx";
const PART = join(".pulling", `owner--Small@${COMMIT.slice(0, 12)}`, "Small", `${UNET}.part`);

type Files = Map<string, Uint8Array>;

/** The repository holds the plain export, and the other files that such repositories have. */
async function withHub(
  test: (hub: FakeHub, shop: Workshop) => Promise<void>,
  options: Partial<FakeHubOptions> = {},
  change: (files: Files) => void = () => {},
): Promise<void> {
  await using shop = await openWorkshop(TINY);
  const files = await readFiles(shop.source);
  files.set("README.md", new TextEncoder().encode("# Small"));
  files.set("unet/diffusion_pytorch_model.safetensors", new Uint8Array(10));
  files.set("unet/model_fp16.onnx", new Uint8Array(10));
  files.set("safety_checker/model.safetensors", new Uint8Array(10));
  files.set("feature_extractor/preprocessor_config.json", new Uint8Array(10));
  change(files);
  await using hub = serveHub({ files, ...options });
  await test(hub, shop);
}

async function pull(
  hub: FakeHub,
  shop: Workshop,
  { args = [REPOSITORY], ...changes }: Parameters<typeof recordedWorld>[0] & {
    readonly args?: readonly string[];
  } = {},
): Promise<{ code: number; world: RecordedWorld }> {
  const variables = { HF_ENDPOINT: hub.url, ...changes.variables };
  const world = recordedWorld({ ...changes, variables });
  return { code: await runModels(["pull", ...args, "--models", shop.models], world), world };
}

async function assertWhole(shop: Workshop): Promise<void> {
  assert.deepEqual(await shop.inside(), ["small"]);
  const { manifest } = await readModelPackage(join(shop.models, "small"));
  assert.equal(manifest.digest, (await readModelPackage(TINY)).manifest.digest);
}

Deno.test("a pull takes the needed files alone and makes a model of them", () =>
  withHub(async (hub, shop) => {
    const { code, world } = await pull(hub, shop, { variables: { HF_TOKEN: "hf_secret" } });
    assert.deepEqual([code, world.complained], [0, []]);
    await assertWhole(shop);
    assert.deepEqual(
      await readFile(join(shop.models, "small", UNET)),
      await readFile(join(TINY, UNET)),
    );
    const asked = hub.requests.map(({ path }) => path);
    const passedOver = ["README", "safetensors", "fp16", "safety_checker", "feature_extractor"];
    for (const name of passedOver) {
      assert.ok(!asked.some((path) => path.includes(name)), name);
    }
    // The token goes to the hub, but not to the servers that it redirects to.
    const tokens = (server: string) =>
      new Set(hub.requests.filter((r) => r.server === server).map((r) => r.authorization));
    assert.deepEqual([...tokens("hub")], ["Bearer hf_secret"]);
    assert.deepEqual([...tokens("content")], [null]);
  }));

Deno.test("a revision, a subfolder and an id are taken as given", () =>
  withHub(
    async (hub, shop) => {
      const args = [`${REPOSITORY}@v1`, "--subfolder", "onnx/fp32/", "--id", "other"];
      const { code, world } = await pull(hub, shop, { args });
      assert.deepEqual([code, world.complained], [0, []]);
      assert.deepEqual(await shop.inside(), ["other"]);
      assert.ok(hub.requests.some(({ path }) => path.includes("/revision/v1?")));
    },
    {},
    (files) => {
      for (const [path, bytes] of [...files]) {
        files.delete(path);
        files.set(`onnx/fp32/${path}`, bytes);
      }
    },
  ));

for (const subfolder of ["", "onnx/"]) {
  Deno.test(`the VAE's configuration may lie where diffusers has it: ${subfolder || "root"}`, () =>
    withHub(
      async (hub, shop) => {
        const args = [REPOSITORY, "--id", "small", ...subfolder ? ["--subfolder", subfolder] : []];
        const { code, world } = await pull(hub, shop, { args });
        assert.deepEqual([code, world.complained], [0, []]);
        const { manifest } = await readModelPackage(join(shop.models, "small"));
        assert.equal(manifest.latents.scaling_factor, 0.25);
        assert.ok(!hub.requests.some(({ path }) => path.includes("vae/diffusion_pytorch_model")));
      },
      {},
      (files) => {
        const config = JSON.parse(
          new TextDecoder().decode(files.get("vae_decoder/config.json")),
        );
        files.delete("vae_decoder/config.json");
        const moved = JSON.stringify({ ...config, scaling_factor: 0.25 });
        files.set("vae/config.json", new TextEncoder().encode(moved));
        files.set("vae/diffusion_pytorch_model.safetensors", new Uint8Array(10));
        for (const [path, bytes] of [...files]) {
          files.delete(path);
          files.set(`${subfolder}${path}`, bytes);
        }
      },
    ));
}

Deno.test("the VAE's configuration beside the decoder's graph is the one that counts", () =>
  withHub(
    async (hub, shop) => {
      assert.equal((await pull(hub, shop)).code, 0);
      await assertWhole(shop);
      assert.ok(!hub.requests.some(({ path }) => path.includes("/vae/")));
    },
    {},
    (files) => files.set("vae/config.json", new TextEncoder().encode("{}")),
  ));

/** Breaks the next `times` answers with the U-Net's content at half their length. */
function cutAtHalf(times: number): NonNullable<FakeHubOptions["cutAfter"]> {
  let cuts = 0;
  return ({ path }, length) =>
    path.endsWith(UNET) && cuts++ < times ? Math.floor(length / 2) : null;
}

Deno.test("a connection cut at half of a large file goes on where it broke, in the same run", () =>
  withHub(
    async (hub, shop) => {
      const { code, world } = await pull(hub, shop);
      assert.deepEqual([code, world.complained], [0, []]);
      await assertWhole(shop);
      const { size } = await stat(join(TINY, UNET));
      const [first, second, ...more] = hub.contentRanges(UNET);
      assert.deepEqual([first, more], [null, []]);
      const [, from, to] = second?.match(/^bytes=(\d+)-(\d+)$/) ?? [];
      assert.equal(Number(to), size - 1);
      assert.ok(Number(from) > size / 4 && Number(from) <= size / 2, `asked from ${from}`);
    },
    { cutAfter: cutAtHalf(1) },
  ));

Deno.test("a pull that failed goes on in the next run with exactly the missing bytes", async () => {
  let broken = true;
  const refuseUnet = ({ path, range }: HubRequest) =>
    broken && path.endsWith(UNET) && range !== null && range !== "bytes=0-0"
      ? new Response("busy", { status: 503 })
      : null;
  await withHub(
    async (hub, shop) => {
      const { code, world } = await pull(hub, shop);
      assert.equal(code, 1);
      assert.match(world.complained.join("\n"), /^owner\/Small\/unet\/model\.onnx: .* status 503$/);
      assert.deepEqual(await shop.inside(), [".pulling"]);
      const { size: present } = await stat(join(shop.models, PART));
      const { size } = await stat(join(TINY, UNET));
      const before = hub.requests.length;
      broken = false;
      assert.equal((await pull(hub, shop)).code, 0);
      await assertWhole(shop);
      assert.equal(hub.contentRanges(UNET).at(-1), `bytes=${present}-${size - 1}`);
      // Files that were whole are not requested again.
      const again = hub.requests.slice(before).map(({ path }) => path);
      assert.ok(!again.some((path) => path.endsWith("tokenizer/tokenizer.json")));
    },
    { cutAfter: cutAtHalf(1), answer: refuseUnet },
  );
});

for (
  const [signal, code, sentence] of [
    ["SIGKILL", 137, /^$/],
    ["SIGINT", 130, /^Interrupted: no model is changed, and a pull goes on when it runs again\n$/],
  ] as const
) {
  Deno.test(`a process that gets ${signal} in the middle of a file leaves no model`, async () => {
    const reached = Promise.withResolvers<void>();
    let hanging = true;
    const hang = ({ path, range, server }: HubRequest) => {
      if (!hanging || server === "hub" || !path.endsWith(UNET) || range === "bytes=0-0") {
        return null;
      }
      const body = new ReadableStream({
        start: (controller) => controller.enqueue(new Uint8Array(1_000)),
        pull: () => reached.resolve(), // the client wants more than the first bytes
      });
      return new Response(body, { headers: { "content-length": "2000" } });
    };
    await withHub(async (hub, shop) => {
      const child = new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "scripts/cli/models.ts", "pull", REPOSITORY, "--models", shop.models],
        cwd: join(import.meta.dirname!, "../../.."),
        env: { HF_ENDPOINT: hub.url },
        stdout: "null",
        stderr: "piped",
      }).spawn();
      await reached.promise;
      child.kill(signal);
      const output = await child.output();
      assert.equal(output.code, code);
      assert.match(new TextDecoder().decode(output.stderr), sentence);
      assert.deepEqual(await shop.inside(), [".pulling"]);
      const world = recordedWorld();
      assert.equal(await runModels(["list", "--models", shop.models], world), 0);
      assert.match(world.complained.join(), /is an unfinished pull/);
      await rm(join(shop.models, PART), { force: true }); // these bytes belong to no model
      hanging = false;
      assert.equal((await pull(hub, shop)).code, 0);
      await assertWhole(shop);
    }, { answer: hang });
  });
}

Deno.test("an interrupt between files leaves no model and keeps what is whole", async () => {
  const interrupt = new AbortController();
  const stop = ({ path }: HubRequest) => {
    if (path.endsWith(UNET)) interrupt.abort();
    return null;
  };
  await withHub(async (hub, shop) => {
    const { code, world } = await pull(hub, shop, { signal: interrupt.signal });
    assert.equal(code, 130);
    assert.match(
      world.complained.join("\n"),
      /^Interrupted: no model is changed, and a pull goes on/,
    );
    assert.deepEqual(await shop.inside(), [".pulling"]);
    const before = hub.requests.length;
    assert.equal((await pull(hub, shop)).code, 0);
    await assertWhole(shop);
    const again = hub.requests.slice(before).map(({ path }) => path);
    assert.ok(!again.some((path) => path.endsWith("vae_decoder/model.onnx")));
  }, { answer: stop });
});

Deno.test("a passing failure of the server is waited out", async () => {
  let failures = 3;
  const busy = ({ path }: HubRequest) =>
    path.endsWith("unet/config.json") && failures-- > 0 ? new Response("", { status: 503 }) : null;
  await withHub(async (hub, shop) => {
    assert.equal((await pull(hub, shop)).code, 0);
    await assertWhole(shop);
  }, { answer: busy });
});

const json = (status: number) => () => Response.json({ error: "no" }, { status });
const at = (pattern: RegExp, answer: () => Response) => ({ path }: HubRequest) =>
  pattern.test(path) ? answer() : null;

interface Refusal {
  readonly name: string;
  readonly sentence: RegExp;
  readonly options?: Partial<FakeHubOptions>;
  readonly args?: readonly string[];
  readonly variables?: Readonly<Record<string, string>>;
  readonly change?: (files: Files) => void;
  readonly code?: number;
}

const REFUSALS: readonly Refusal[] = [
  {
    name: "a wrong hash of a large file",
    sentence: /^unet\/model\.onnx: sha256 must be f{64}, given [0-9a-f]{64}: .* thrown away$/,
    options: { hashOf: (path) => path === UNET ? "f".repeat(64) : undefined },
  },
  {
    name: "a wrong hash of a small file",
    sentence: /^unet\/config\.json: git-sha1 must be f{40}, given [0-9a-f]{40}/,
    options: { hashOf: (path) => path === "unet/config.json" ? "f".repeat(40) : undefined },
  },
  {
    name: "401",
    sentence: /^owner\/Small is refused \(401\): .* HF_TOKEN/,
    options: { answer: json(401) },
  },
  {
    name: "403 for the content of a gated repository",
    sentence: /^owner\/Small\/.* is refused \(403\): accept its licence .* HF_TOKEN/,
    options: { answer: at(/resolve/, json(403)) },
  },
  {
    name: "404 for the repository",
    sentence: /^owner\/Nothing does not exist \(404\)$/,
    args: ["owner/Nothing"],
  },
  {
    name: "404 for the revision",
    sentence: /^owner\/Small has no revision v9 \(404\)$/,
    args: [`${REPOSITORY}@v9`],
  },
  {
    name: "a repository without ONNX files",
    sentence: /^The repository has no ONNX files: scripts\/training\/export makes/,
    change: (files) => files.forEach((_, path) => /onnx/.test(path) && files.delete(path)),
  },
  {
    name: "a repository without one of the graphs",
    sentence: /^The repository has no unet or transformer\/model\.onnx at this place, but /,
    change: (files) => files.delete(UNET),
  },
  {
    name: "a token that is none",
    sentence: /^HF_TOKEN must begin with hf_/,
    variables: { HF_TOKEN: "secret" },
    code: 2,
  },
  {
    name: "an unknown pipeline class",
    sentence: /^owner\/Small\/model_index\.json: _class_name: /,
    change: (files) => {
      const index = { _class_name: "FluxPipeline" };
      files.set("model_index.json", new TextEncoder().encode(JSON.stringify(index)));
    },
  },
  {
    name: "a digest that is not that of the files",
    sentence: /^owner\/Small\/shapefirst\.json: digest must be that of the files, .*, given 0{64}$/,
    change: (files) => {
      const record = { digest: "0".repeat(64) };
      files.set("shapefirst.json", new TextEncoder().encode(JSON.stringify(record)));
    },
  },
  ...["../evil", "unet/../../evil", "/etc/evil", "unet\\..\\evil", "C:/evil", "unet//evil"].map(
    (path) => ({
      name: `the file name ${path}`,
      sentence:
        /^The repository lists ".*evil", a name that could lead out of the folder: refused$/,
      change: (files: Files) => void files.set(path, new Uint8Array(3)),
    }),
  ),
];

for (const { name, sentence, options, change, code = 1, ...given } of REFUSALS) {
  Deno.test(`a pull is refused in one sentence, and leaves no model: ${name}`, () =>
    withHub(
      async (hub, shop) => {
        const result = await pull(hub, shop, given);
        assert.equal(result.code, code);
        assert.equal(result.world.complained.length, 1);
        assert.match(result.world.complained[0]!, sentence);
        assert.deepEqual((await shop.inside()).filter((entry) => entry !== ".pulling"), []);
        assert.ok(!existsSync(join(shop.models, "../evil")));
      },
      options,
      change,
    ));
}

Deno.test("a package that cannot be served is refused before its weights are asked for", () =>
  withHub(
    async (hub, shop) => {
      assert.equal((await pull(hub, shop)).code, 1);
      assert.ok(!hub.requests.some(({ path }) => path.endsWith(".onnx")));
      assert.deepEqual(await shop.inside(), []);
    },
    {},
    (files) => files.set("scheduler/scheduler_config.json", new TextEncoder().encode("{")),
  ));

Deno.test("a hub that cannot be reached is named at once", async () => {
  let gone: FakeHub | undefined;
  await withHub((hub) => {
    gone = hub;
    return Promise.resolve();
  });
  await using shop = await openWorkshop(TINY);
  const { code, world } = await pull(gone!, shop);
  assert.equal(code, 1);
  assert.match(
    world.complained.join("\n"),
    /^http:\/\/127\.0\.0\.1:\d+ cannot be reached \(.*\): check the network.* HF_ENDPOINT$/,
  );
});

Deno.test("a disk without room is noticed before any content is asked for", () =>
  withHub(async (hub, shop) => {
    const { code, world } = await pull(hub, shop, { freeBytes: () => Promise.resolve(1_200) });
    assert.equal(code, 1);
    assert.match(world.complained.join(), /models has 1\.2 kB free, \d{3}\.\d kB are needed$/);
    assert.ok(!hub.requests.some(({ path }) => path.includes("/resolve/")));
  }));

Deno.test("two pulls of the same do not write into one file", () =>
  withHub(async (hub, shop) => {
    const key = { repository: REPOSITORY, commit: COMMIT, subfolder: "" };
    await withPullFolder(shop.models, key, async () => {
      const { code, world } = await pull(hub, shop);
      assert.equal(code, 1);
      assert.match(world.complained.join(), /is in use: another process pulls the same$/);
    });
  }));

Deno.test("a repository without configurations is pulled, and read from its graphs", () =>
  withHub(
    async (hub, shop) => {
      const { code, world } = await pull(hub, shop);
      assert.deepEqual([code, world.complained], [0, []]);
      const { manifest } = await readModelPackage(join(shop.models, "small"));
      assert.equal(manifest.text.max_length, 77);
    },
    {},
    (files) => {
      for (const part of ["unet", "text_encoder", "vae_decoder"]) {
        files.delete(`${part}/config.json`);
      }
      const index = JSON.parse(new TextDecoder().decode(files.get("model_index.json")));
      const onnx = { ...index, _class_name: "OnnxStableDiffusionPipeline" };
      files.set("model_index.json", new TextEncoder().encode(JSON.stringify(onnx)));
    },
  ));
