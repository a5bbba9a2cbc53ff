/** Settings from the environment, checked before anything starts. */
import { fieldIssue, showGiven } from "../../contract/mod.ts";
import {
  BATCHING_MODES,
  type BatchingMode,
  SAFETY_MODES,
  type SafetyMode,
  WEIGHTS_MODES,
  type WeightsMode,
} from "../jobs/engine.ts";
import type { ServiceLimits } from "../jobs/service.ts";
import { AUDIENCE_RULE, type Audiences, parseAudiences } from "./call_audience.ts";

export interface Config {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly modelsDir: string;
  /** Keeps packed weights for the next start; null keeps none. */
  readonly packedDir: string | null;
  /** onnxruntime's names of execution providers, the first that this machine has being used. */
  readonly providers: readonly string[];
  /** How the CPU reads a model's weights. */
  readonly weights: WeightsMode;
  /** Rows of the model in one batch, at most. */
  readonly rowsMax: number;
  /** Whether rows share batches where that changes their bits. */
  readonly batching: BatchingMode;
  /** Inside one operator; 0 leaves it to onnxruntime. */
  readonly threads: number;
  /** Graph files that may be in memory at one time. */
  readonly modelBytes: number;
  /** Outputs of rows kept, for generations that begin alike. */
  readonly rowMemoryBytes: number;
  /** What happens to images that a model's safety checker flags. */
  readonly safety: SafetyMode;
  readonly limits: ServiceLimits;
  /** Any of them may sign a call; none: calls are not signed. */
  readonly secrets: readonly string[];
  /** The names that signed calls may be for. */
  readonly audiences: Audiences;
}

const PROVIDERS = ["cpu", "cuda", "webgpu", "dml", "coreml"];

interface NumberRow {
  readonly min: number;
  readonly max: number;
  readonly standard: number;
  readonly help: string;
}

const NUMBERS = {
  GPU_PORT: { min: 0, max: 65_535, standard: 8_788, help: "port, 0 for a free one" },
  GPU_ROWS_MAX: {
    min: 1,
    max: 256,
    standard: 16,
    help: "rows of the model per batch, at most",
  },
  GPU_THREADS: { min: 0, max: 1_024, standard: 0, help: "threads per operator, 0 for all allowed" },
  GPU_MODELS_MB: {
    min: 1,
    max: 1_000_000,
    standard: 32_000,
    help: "models in memory, in megabytes of their graphs; others are loaded when asked for",
  },
  GPU_ROW_MEMORY_MB: {
    min: 0,
    max: 1_000_000,
    standard: 64,
    help: "evaluated rows kept in megabytes, for generations that begin alike",
  },
  GPU_RUNNING_MAX: { min: 1, max: 1_024, standard: 4, help: "generations at one time" },
  GPU_QUEUED_MAX: { min: 0, max: 100_000, standard: 64, help: "generations waiting" },
  GPU_READERS_MAX: { min: 1, max: 100_000, standard: 1_024, help: "open streams" },
  GPU_RETAINED_MAX: { min: 0, max: 100_000, standard: 256, help: "finished generations kept" },
  GPU_RETAINED_MB: { min: 0, max: 1_000_000, standard: 256, help: "their size, in megabytes" },
  GPU_RETAINED_SECONDS: { min: 0, max: 604_800, standard: 600, help: "for how long" },
  GPU_DRAIN_SECONDS: { min: 0, max: 3_600, standard: 25, help: "for jobs to end on SIGTERM" },
} as const satisfies Record<string, NumberRow>;

const SECRET_LENGTH_MIN = 16;

/** How long an engine may ignore a cancel. */
const CANCEL_MS = 5_000;

/**
 * @param read the value of an environment variable
 * @param standardModelsDir where models are when `MODELS_DIR` says nothing
 * @throws RangeError naming the variable, what it allows and what was given
 */
export function parseConfig(
  read: (name: string) => string | undefined,
  standardModelsDir: string,
): Config {
  const number = (name: keyof typeof NUMBERS) => parseNumber(name, read(name));
  const text = (name: string, standard: string) => parseText(name, read(name) ?? standard);
  const providers = parseProviders(text("GPU_PROVIDER", "cpu"));
  return {
    host: text("GPU_HOST", "127.0.0.1"),
    port: number("GPU_PORT"),
    modelsDir: text("MODELS_DIR", standardModelsDir),
    packedDir: read("GPU_PACKED_DIR")?.trim() || null,
    providers,
    weights: parseWeights(read("GPU_WEIGHTS"), providers),
    rowsMax: number("GPU_ROWS_MAX"),
    threads: number("GPU_THREADS"),
    modelBytes: number("GPU_MODELS_MB") * 1_000_000,
    rowMemoryBytes: number("GPU_ROW_MEMORY_MB") * 1_000_000,
    safety: parseOneOf("GPU_SAFETY", SAFETY_MODES, read("GPU_SAFETY")),
    batching: parseOneOf("GPU_BATCHING", BATCHING_MODES, read("GPU_BATCHING")),
    limits: {
      runningMax: number("GPU_RUNNING_MAX"),
      queuedMax: number("GPU_QUEUED_MAX"),
      readersMax: number("GPU_READERS_MAX"),
      retainedMax: number("GPU_RETAINED_MAX"),
      retainedBytes: number("GPU_RETAINED_MB") * 1_000_000,
      retainedMs: number("GPU_RETAINED_SECONDS") * 1_000,
      drainMs: number("GPU_DRAIN_SECONDS") * 1_000,
      cancelMs: CANCEL_MS,
    },
    ...parseKeys(read("GPU_SECRET"), read("GPU_AUDIENCE")),
  };
}

function parseNumber(name: keyof typeof NUMBERS, given: string | undefined): number {
  const { min, max, standard } = NUMBERS[name];
  if (given === undefined) return standard;
  const value = /^\d{1,9}$/.test(given) ? Number(given) : NaN;
  if (value >= min && value <= max) return value;
  throw new RangeError(fieldIssue(name, `an integer from ${min} to ${max}`, given).message);
}

function parseText(name: string, value: string): string {
  if (value.trim() !== "") return value;
  throw new RangeError(fieldIssue(name, "non-empty", value).message);
}

function parseProviders(given: string): string[] {
  const providers = given.split(",").map((name) => name.trim());
  const known = providers.every((name) => PROVIDERS.includes(name));
  if (known && new Set(providers).size === providers.length) return providers;
  const allowed = `one of ${PROVIDERS.join(", ")}, or several in the order of preference, ` +
    "separated by commas";
  throw new RangeError(fieldIssue("GPU_PROVIDER", allowed, given).message);
}

/** One secret may sign for many functions, so each must say which calls are for it. */
function parseKeys(
  secret: string | undefined,
  audience: string | undefined,
): Pick<Config, "secrets" | "audiences"> {
  const secrets = parseSecrets(secret);
  const needed = secrets.length > 0 ? "" : "any";
  const audiences = parseAudiences(audience ?? needed);
  if (audiences !== undefined) return { secrets, audiences };
  const beside = audience === undefined ? " beside GPU_SECRET" : "";
  throw new RangeError(
    `GPU_AUDIENCE must be ${AUDIENCE_RULE}, given ${showGiven(audience)}${beside}`,
  );
}

/** An empty variable is refused, lest a lost secret open the service. Secrets are never shown. */
function parseSecrets(given: string | undefined): string[] {
  if (given === undefined) return [];
  const secrets = given.split(",").map((secret) => secret.trim());
  const wrong = secrets.find((secret) => secret.length < SECRET_LENGTH_MIN || /\s/.test(secret));
  if (wrong === undefined) return secrets;
  const allowed =
    `secrets of at least ${SECRET_LENGTH_MIN} characters without spaces, with commas ` +
    "between them";
  throw new RangeError(`GPU_SECRET must be ${allowed}, given one of ${wrong.length} characters`);
}

/** The first is taken where nothing is given. */
function parseOneOf<T extends string>(
  name: string,
  allowed: readonly [T, ...T[]],
  given: string = allowed[0],
): T {
  const value = allowed.find((value) => value === given);
  if (value !== undefined) return value;
  throw new RangeError(fieldIssue(name, `one of ${allowed.join(", ")}`, given).message);
}

/** A GPU has its own copy of the weights whatever the file is. */
function parseWeights(given: string | undefined, providers: readonly string[]): WeightsMode {
  const weights = parseOneOf("GPU_WEIGHTS", WEIGHTS_MODES, given);
  if (weights === "packed" || providers.every((provider) => provider === "cpu")) return weights;
  const allowed = `packed where GPU_PROVIDER is ${providers.join(",")}`;
  throw new RangeError(fieldIssue("GPU_WEIGHTS", allowed, weights).message);
}

/** What `--help` prints. */
export function describeConfig(): string {
  const rows: [string, string][] = [
    ["GPU_HOST", "address to listen on (127.0.0.1)"],
    ["MODELS_DIR", "a folder with one folder per model"],
    ["GPU_PACKED_DIR", "a folder that keeps packed weights for the next start; none by default"],
    ["GPU_SECRET", "signs the edge's calls; several with commas while one replaces another (none)"],
    ["GPU_AUDIENCE", "hosts by which edges call it, or any; needed with GPU_SECRET"],
    [
      "GPU_PROVIDER",
      `${PROVIDERS.join(", ")}, or a fallback order such as cuda,webgpu,cpu (cpu)`,
    ],
    [
      "GPU_WEIGHTS",
      "packed, or mapped: the CPU reads weights where they lie, in less memory and slower (packed)",
    ],
    [
      "GPU_BATCHING",
      "exact or fast: whether rows share batches only where no bit changes (exact)",
    ],
    [
      "GPU_SAFETY",
      "report, refuse or off: what happens to images that a model's safety checker flags (report)",
    ],
    ...Object.entries(NUMBERS).map(([name, { help, standard }]): [string, string] => [
      name,
      `${help} (${standard})`,
    ]),
  ];
  return rows.map(([name, help]) => `  ${name.padEnd(22)}${help}`).join("\n");
}
