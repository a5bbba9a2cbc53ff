import assert from "node:assert/strict";
import { describeConfig, parseConfig } from "./config.ts";

const parse = (env: Readonly<Record<string, string>>) => parseConfig((name) => env[name], "models");

Deno.test("parseConfig() has a default for everything, and listens on this machine only", () => {
  const { host, port, modelsDir, rowsMax, limits } = parse({});
  assert.deepEqual([host, port, modelsDir, rowsMax], ["127.0.0.1", 8788, "models", 16]);
  assert.equal(limits.drainMs, 25_000);
  assert.equal(parse({ GPU_WEIGHTS: "mapped" }).weights, "mapped");
});

Deno.test("parseConfig() reads every variable, in its unit", () => {
  const config = parse({
    GPU_HOST: "0.0.0.0",
    GPU_PORT: "0",
    MODELS_DIR: "elsewhere",
    GPU_PACKED_DIR: "packed",
    GPU_PROVIDER: "cuda, webgpu,cpu",
    GPU_ROWS_MAX: "16",
    GPU_BATCHING: "fast",
    GPU_THREADS: "2",
    GPU_MODELS_MB: "23",
    GPU_ROW_MEMORY_MB: "29",
    GPU_SAFETY: "refuse",
    GPU_RUNNING_MAX: "3",
    GPU_QUEUED_MAX: "5",
    GPU_READERS_MAX: "7",
    GPU_RETAINED_MAX: "11",
    GPU_RETAINED_MB: "13",
    GPU_RETAINED_SECONDS: "17",
    GPU_DRAIN_SECONDS: "19",
    GPU_SECRET: "first-secret-0123, second-secret-0123",
    GPU_AUDIENCE: "gpu.example, http://10.0.0.5:8788",
  });
  assert.deepEqual(config, {
    host: "0.0.0.0",
    port: 0,
    modelsDir: "elsewhere",
    packedDir: "packed",
    providers: ["cuda", "webgpu", "cpu"],
    weights: "packed",
    rowsMax: 16,
    threads: 2,
    modelBytes: 23_000_000,
    rowMemoryBytes: 29_000_000,
    batching: "fast",
    safety: "refuse",
    limits: {
      runningMax: 3,
      queuedMax: 5,
      readersMax: 7,
      retainedMax: 11,
      retainedBytes: 13_000_000,
      retainedMs: 17_000,
      drainMs: 19_000,
      cancelMs: 5_000,
    },
    secrets: ["first-secret-0123", "second-secret-0123"],
    audiences: new Set(["gpu.example", "10.0.0.5:8788"]),
  });
});

Deno.test("parseConfig() refuses with the variable, what it allows and what was given", () => {
  const refusals = [
    [{ GPU_PORT: "65536" }, 'GPU_PORT must be an integer from 0 to 65535, given "65536"'],
    [{ GPU_PORT: "" }, 'GPU_PORT must be an integer from 0 to 65535, given ""'],
    [{ GPU_ROWS_MAX: "0" }, 'GPU_ROWS_MAX must be an integer from 1 to 256, given "0"'],
    [{ GPU_THREADS: "1.5" }, 'GPU_THREADS must be an integer from 0 to 1024, given "1.5"'],
    [{ GPU_QUEUED_MAX: "-1" }, 'GPU_QUEUED_MAX must be an integer from 0 to 100000, given "-1"'],
    [{ MODELS_DIR: " " }, 'MODELS_DIR must be non-empty, given " "'],
    [{ GPU_WEIGHTS: "fast" }, 'GPU_WEIGHTS must be one of packed, mapped, given "fast"'],
    [
      { GPU_WEIGHTS: "mapped", GPU_PROVIDER: "cuda,cpu" },
      'GPU_WEIGHTS must be packed where GPU_PROVIDER is cuda,cpu, given "mapped"',
    ],
    ...["tpu", "cuda,tpu", "cuda,", "cpu,cpu"].map((given) =>
      [
        { GPU_PROVIDER: given },
        "GPU_PROVIDER must be one of cpu, cuda, webgpu, dml, coreml, or several in the order of " +
        `preference, separated by commas, given "${given}"`,
      ] as const
    ),
  ] as const;
  for (const [env, message] of refusals) {
    assert.throws(() => parse(env), { name: "RangeError", message });
  }
});

Deno.test("parseConfig() refuses a secret that is easily guessed, without showing it", () => {
  for (const given of ["", "guessable", "first-secret-0123,", "a secret with spaces"]) {
    assert.throws(() => parse({ GPU_SECRET: given }), ({ message }: Error) => {
      assert.match(message, /^GPU_SECRET must be secrets of at least 16 characters/);
      return !message.includes("guessable");
    });
  }
  assert.deepEqual(parse({}).secrets, []);
});

Deno.test("parseConfig() takes no secret without the names that signed calls may be for", () => {
  const GPU_SECRET = "first-secret-0123";
  const rule =
    "GPU_AUDIENCE must be the hosts by which edges call this GPU function, as in their " +
    "GPU_URL, such as gpu.example or 10.0.0.5:8788, with commas between them, or any, given ";
  const refusals = [
    [{ GPU_SECRET }, "nothing beside GPU_SECRET"],
    [{ GPU_SECRET, GPU_AUDIENCE: "" }, '""'],
    [{ GPU_SECRET, GPU_AUDIENCE: "a b" }, '"a b"'],
    [{ GPU_SECRET, GPU_AUDIENCE: "gpu.example," }, '"gpu.example,"'],
    [{ GPU_AUDIENCE: "gpu.example/base" }, '"gpu.example/base"'],
  ] as const;
  for (const [env, given] of refusals) {
    assert.throws(() => parse(env), { name: "RangeError", message: rule + given });
  }
  assert.equal(parse({ GPU_SECRET, GPU_AUDIENCE: "any" }).audiences, null);
  assert.equal(parse({}).audiences, null);
});

Deno.test("describeConfig() names every variable that parseConfig() reads", () => {
  const help = describeConfig();
  parseConfig((name) => void assert(help.includes(`  ${name} `), name), "models");
});
