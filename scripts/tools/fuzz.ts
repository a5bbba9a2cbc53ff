/**
 * Fuzzes longer than the tests do: bytes through the parsers, and requests made from the served
 * OpenAPI document to a running edge. `deno task fuzz --help`
 */
import { MANIFEST } from "../../contract/fixtures/planning_model.ts";
import { startDeno } from "../../tests/support/edges.ts";
import { withGround } from "../../tests/support/ground.ts";
import { REQUEST_PROPERTIES } from "../../tests/fuzz/request_properties.ts";
import { STREAM_PROPERTIES } from "../../tests/fuzz/stream_properties.ts";
import { ROOT } from "../checkout.ts";
import { parseStrictly, runCommand, UsageError } from "../command_line/command_line.ts";

const HELP = `deno task fuzz [--only bytes|api] [--runs N] [--examples N] [--seed N]

  bytes   the decoder of server-sent events and the parsers of requests
  api     schemathesis against an edge on Deno with a double of the GPU function

  --runs N      inputs for each property (default 2000)
  --examples N  requests for each operation (default 50)
  --seed N      repeats an earlier run; drawn and printed by default
  --url URL     an edge that runs already, instead of one begun here

schemathesis is found by the environment variable SCHEMATHESIS, or in PATH:
  python3 -m venv ~/fuzz-venv && ~/fuzz-venv/bin/pip install -r tests/fuzz/requirements.txt
  SCHEMATHESIS=~/fuzz-venv/bin/schemathesis deno task fuzz
`;

/** Schemathesis's checks, but those on keys and on bodies that the document cannot tell apart. */
const CHECKS = [
  "not_a_server_error",
  "status_code_conformance",
  "content_type_conformance",
  "response_headers_conformance",
  "response_schema_conformance",
  "negative_data_rejection",
  "allow_header_conformance",
];
const REQUEST_SECONDS = 20;

interface Options {
  readonly only: string | undefined;
  readonly runs: number;
  readonly examples: number;
  readonly seed: number;
  readonly url: string | undefined;
}

/** Null when help was asked for. */
function readOptions(): Options | null {
  const string = { type: "string" } as const;
  const { values, positionals } = parseStrictly(Deno.args, {
    help: { type: "boolean", short: "h" },
    only: string,
    runs: string,
    examples: string,
    seed: string,
    url: string,
  });
  if (values.help) return null;
  if (positionals.length > 0) throw new UsageError(`Flags only, given ${positionals[0]}`);
  const { only, url, runs = "2000", examples = "50", seed } = values;
  if (only !== undefined && only !== "bytes" && only !== "api") {
    throw new UsageError(`--only must be bytes or api, given ${only}`);
  }
  return {
    only,
    url,
    runs: readCount("--runs", runs),
    examples: readCount("--examples", examples),
    seed: seed === undefined ? drawSeed() : readCount("--seed", seed),
  };
}

function readCount(name: string, given: string): number {
  if (/^[1-9]\d{0,8}$/.test(given)) return Number(given);
  throw new UsageError(`${name} must be an integer from 1 to 999999999, given ${given}`);
}

function drawSeed(): number {
  const [drawn = 0] = crypto.getRandomValues(new Uint32Array(1));
  return drawn % 1_000_000 + 1;
}

async function fuzzBytes({ runs, seed }: Options): Promise<boolean> {
  let passed = true;
  for (const { name, check } of [...STREAM_PROPERTIES, ...REQUEST_PROPERTIES]) {
    try {
      await check({ numRuns: runs, seed });
      console.log(`ok   ${name}`);
    } catch (cause) {
      passed = false;
      console.error(`FAIL ${name}\n${cause instanceof Error ? cause.message : cause}`);
    }
  }
  return passed;
}

async function fuzzApi({ examples, seed, url }: Options): Promise<boolean> {
  if (url !== undefined) return await runSchemathesis(url, { examples, seed });
  const limits = "requests=1000000,evaluations=1000000000,concurrent=1000";
  const environment = { LOOPBACK_LIMITS: limits, ANONYMOUS_LIMITS: limits };
  return await withGround(async (ground) => {
    await publishAsDefault(ground.assets);
    const edge = await startDeno({ ...ground, environment });
    try {
      return await runSchemathesis(edge.url ?? "", { examples, seed });
    } finally {
      await edge.stop();
    }
  });
}

/** Publishes under the default model's name, so that requests without a model pass the look-up. */
async function publishAsDefault(assets: string): Promise<void> {
  const [from, to] = [`${assets}/models/${MANIFEST.id}`, `${assets}/models/mini`];
  await Deno.mkdir(to);
  for (const name of ["tokenizer.json", "tokenizer_config.json"]) {
    await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  }
  await Deno.writeTextFile(`${to}/manifest.json`, JSON.stringify({ ...MANIFEST, id: "mini" }));
}

async function runSchemathesis(
  url: string,
  { examples, seed }: Pick<Options, "examples" | "seed">,
): Promise<boolean> {
  const command = Deno.env.get("SCHEMATHESIS") ?? "schemathesis";
  const args = [
    `--config-file=${ROOT}tests/fuzz/schemathesis.toml`,
    "run",
    `${url}/v1/openapi.json`,
    `--checks=${CHECKS.join()}`,
    "--phases=examples,coverage,fuzzing",
    `--max-examples=${examples}`,
    `--seed=${seed}`,
    `--request-timeout=${REQUEST_SECONDS}`,
    "--continue-on-failure",
    "--generation-database=none",
    "--no-color",
  ];
  // schemathesis writes files into its working folder.
  const cwd = await Deno.makeTempDir({ prefix: "shapefirst_schemathesis_" });
  try {
    const { success } = await new Deno.Command(command, {
      args,
      cwd,
      stdout: "inherit",
      stderr: "inherit",
    }).output();
    return success;
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    console.error(`There is no ${command}: SCHEMATHESIS must name it, see deno task fuzz --help`);
    return false;
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
}

await runCommand(async () => {
  const options = readOptions();
  if (!options) return console.log(HELP);
  console.log(`seed ${options.seed}`);
  const passed = [
    options.only === "api" || await fuzzBytes(options),
    options.only === "bytes" || await fuzzApi(options),
  ];
  Deno.exitCode = passed.every(Boolean) ? 0 : 1;
});
