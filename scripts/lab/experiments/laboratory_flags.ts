/** Reads the flags that all experiments of the paper share. */
import { existsSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { LIMITS } from "../../../contract/mod.ts";
import { ROOT } from "../../checkout.ts";
import { UsageError } from "../../command_line/command_line.ts";
import type { LaboratoryOptions } from "../laboratory/laboratory.ts";
import type { Experiment } from "./experiment.ts";
import type { Sizes } from "../laboratory/sizes.ts";
import { type FlagValues, integerFlag, parseLabFlags } from "../laboratory/lab_flags.ts";
import type { AttributeKind } from "../prompts/prompt_set.ts";
import { vocabularyFile } from "../prompts/vocabulary.ts";
import type { Rubric } from "../scorers/questions/described_score.ts";
import type { VisionEndpoint } from "../scorers/questions/vision_chat.ts";

export interface ExperimentOptions extends LaboratoryOptions {
  readonly sizes: Sizes;
  /** Folder of the report. */
  readonly out: string;
}

/** Every experiment allows these flags, so that `all` can check them for each. */
const EXPERIMENT_FLAGS = [
  "model",
  "provider",
  "threads",
  "count",
  "seeds",
  "steps",
  "attributes",
  "words",
  "out",
  "cache",
  "clip",
  "vqa",
  "endpoint",
  "endpoint-model",
  "rubric",
];

const FLAGS_HELP = `
  --model <id>             model package, default mini
  --provider <name>        where it runs: cpu (default), cuda, webgpu ... as onnxruntime-node has them here
  --threads <n>            inside one operator, default all; 1 is better beside other work
  --count <n>              how many prompts, or pairs of them
  --seeds <n>              images of each, seeds 0 to n - 1
  --steps <n>              denoising steps, default the model's
  --attributes <kind>      colour (default), texture or both
  --words <file>           nouns and attributes, default scripts/lab/prompts/<model>.json or full_size.json
  --out <folder>           of the report, default docs/lab/<model>
  --cache <folder>         of the images drawn, default .data/lab/<digest>
  --clip <folder>          a CLIP as ONNX, default scripts/lab/scorers/<model>
  --vqa <folder>           a BLIP-VQA as ONNX or a classifier, default scripts/lab/scorers/<model> if it is there
  --endpoint <url>         a vision model that speaks OpenAI's chat completions, such as http://host/v1;
                           its key is read from VISION_API_KEY
  --endpoint-model <name>  the model to ask there
  --rubric <kind>          attribute (default) grades each thing, general the whole prompt`;

export function experimentHelp({ name, question, counted, standard }: Experiment): string {
  return `Usage: deno task lab ${name} [flags]
${question}
Images drawn once are kept, so a run that was stopped goes on.
Default: ${standard.count} ${counted}, ${standard.seeds} ${
    standard.seeds === 1 ? "seed" : "seeds"
  } each.${FLAGS_HELP}`;
}

const KINDS: Readonly<Record<string, readonly AttributeKind[]>> = {
  colour: ["colour"],
  texture: ["texture"],
  both: ["colour", "texture"],
};
const RUBRICS: readonly Rubric[] = ["attribute", "general"];
const TEMPERATURE = 0.7;

/**
 * Returns null when help was asked for.
 * @param key of the vision endpoint; it is not a flag, since other users can see command lines
 * @throws UsageError with one sentence that says what is wrong
 */
export function parseExperimentFlags(
  args: readonly string[],
  { standard }: Pick<Experiment, "standard">,
  key: string | null,
): ExperimentOptions | null {
  const flags = parseLabFlags(args, EXPERIMENT_FLAGS);
  if (flags === null) return null;
  const model = flags["model"] ?? "mini";
  const scorers = fromRoot(`scripts/lab/scorers/${model}`);
  const own = existsSync(scorers) ? scorers : null;
  const clip = flags["clip"] === undefined ? own : fromRoot(flags["clip"]);
  if (clip === null) {
    throw new UsageError(
      `--clip must be the folder of a CLIP as ONNX, since ${model} has no scorers of its own`,
    );
  }
  return {
    model,
    provider: flags["provider"] ?? "cpu",
    threads: integerFlag("threads", flags["threads"], { standard: 0, min: 1, max: 1024 }),
    sizes: sizesOf(flags, standard),
    words: flags["words"] === undefined ? vocabularyFile(model) : fromRoot(flags["words"]),
    out: fromRoot(flags["out"] ?? `docs/lab/${model}`),
    cache: flags["cache"] === undefined ? null : fromRoot(flags["cache"]),
    clip,
    vqa: flags["vqa"] === undefined ? own : fromRoot(flags["vqa"]),
    endpoint: endpointOf(flags, key),
    rubric: choice("rubric", flags["rubric"] ?? "attribute", RUBRICS),
  };
}

function sizesOf(flags: FlagValues, standard: Experiment["standard"]): Sizes {
  const steps = integerFlag("steps", flags["steps"], {
    standard: 0,
    min: 2,
    max: LIMITS.numInferenceSteps,
  });
  return {
    count: integerFlag("count", flags["count"], { standard: standard.count, min: 2, max: 10_000 }),
    seeds: integerFlag("seeds", flags["seeds"], { standard: standard.seeds, min: 1, max: 64 }),
    steps: steps === 0 ? null : steps,
    attributes: KINDS[choice("attributes", flags["attributes"] ?? "colour", Object.keys(KINDS))]!,
  };
}

function endpointOf(flags: FlagValues, key: string | null): VisionEndpoint | null {
  const { endpoint: baseUrl, "endpoint-model": model } = flags;
  if (baseUrl === undefined && model === undefined) return null;
  if (baseUrl === undefined || model === undefined || !/^https?:\/\//.test(baseUrl)) {
    throw new UsageError(
      `--endpoint must be a URL and come with --endpoint-model, given ${
        JSON.stringify(baseUrl ?? null)
      } and ${JSON.stringify(model ?? null)}`,
    );
  }
  return { baseUrl, model, key, temperature: TEMPERATURE };
}

function choice<T extends string>(flag: string, given: string, allowed: readonly T[]): T {
  const found = allowed.find((each) => each === given);
  if (found !== undefined) return found;
  throw new UsageError(
    `--${flag} must be one of ${allowed.join(", ")}, given ${JSON.stringify(given)}`,
  );
}

function fromRoot(path: string): string {
  return isAbsolute(path) ? path : join(ROOT, path);
}
