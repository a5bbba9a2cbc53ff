/** The flags that describe a generation, which several commands take. */
import type { ParseArgsOptionsConfig } from "node:util";
import {
  AUTO_CUTOFF_DEFAULTS,
  type GenerationRequest,
  parseGenerationRequest,
  ProblemError,
  REUSE_DEFAULTS,
} from "../../contract/mod.ts";
import { parseStrictly, UsageError } from "./command_line.ts";

const REQUEST_FLAGS = {
  model: { type: "string" },
  negative: { type: "string" },
  seed: { type: "string" },
  width: { type: "string" },
  height: { type: "string" },
  steps: { type: "string" },
  guidance: { type: "string" },
  sampler: { type: "string" },
  budget: { type: "string" },
  "timestep-spacing": { type: "string" },
  cutoff: { type: "string" },
  tolerance: { type: "string" },
  "min-steps": { type: "string" },
  "max-steps": { type: "string" },
  "guided-steps": { type: "string" },
  a: { type: "string" },
  "guided-from": { type: "string" },
  head: { type: "string" },
  tail: { type: "string" },
  "eos-swap": { type: "string" },
  "eos-from": { type: "string" },
  "eos-to": { type: "string" },
  "eos-scope": { type: "string" },
  "eos-align": { type: "string" },
  "sos-state": { type: "string" },
  "semantic-state": { type: "string" },
  "eos-state": { type: "string" },
  "semantic-repeats": { type: "string" },
  reuse: { type: "boolean" },
  "reuse-every": { type: "string" },
  "reuse-from": { type: "string" },
  "reuse-depth": { type: "string" },
  insights: { type: "string" },
  "low-fraction": { type: "string" },
  "convergence-level": { type: "string" },
  format: { type: "string" },
  "preview-every": { type: "string" },
  "preview-method": { type: "string" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsOptionsConfig;

export const REQUEST_HELP = `
  --model <id>            model package, default mini
  --negative <prompt>     what the guided steps steer away from
  --seed <n>              noise; drawn and printed when left out
  --width, --height <px>  size, if the model can do others than its own
  --steps <n>             denoising steps
  --guidance <w>          guidance scale
  --budget <0..1>         share of the whole compute to spend, instead of steps, sampler, cutoff and reuse
  --sampler <name>        default ddim
  --timestep-spacing <leading|linspace|trailing>  default the model's; leading starts few steps below the noise
  --cutoff <0..1|auto>    share of the steps that is guided by the text; auto ends guidance when it
                          has ceased to change the image
  --tolerance <n>         for --cutoff auto: the share of the predicted image that guidance may
                          still make, default ${AUTO_CUTOFF_DEFAULTS.tolerance}
  --min-steps, --max-steps <n>  for --cutoff auto: guided steps at least and at most
  --guided-steps <n>      the same as a number of steps
  --a <n>                 the same as the paper's a, counted from the end
  --guided-from <n>       first guided step, default 0; the others say how long guidance lasts
  --head <null|cond>      before it: the empty prompt (default) or the prompt alone
  --tail <null|cond|delta>  after the cutoff: the empty prompt (default), the prompt alone, or
                          the empty prompt and what guidance added last
  --eos-swap <prompt>     take [EOS] and padding from this prompt
  --eos-from, --eos-to    steps between which it is swapped, default all
  --eos-scope <first|padding|all>     which of the prompt's positions, default all
  --eos-align <ordinal|absolute>      k-th from k-th (default), or position from position
  --sos-state, --semantic-state, --eos-state <zeros|noise|sos|eos>
                          what replaces the states of that class, padding going with [EOS]
  --semantic-repeats <n>  say the prompt's words n times, as often as they fit
  --reuse                 compute the shallow layers alone in most steps, with the deep features of an
                          earlier step
  --reuse-every <n>       one step in n computes the whole model, default ${REUSE_DEFAULTS.every}
  --reuse-from <n>        the first step that may reuse features, default ${REUSE_DEFAULTS.from}
  --reuse-depth <n>       at which of the model's cuts, the shallowest being 1, default ${REUSE_DEFAULTS.depth}
  --insights <names>      what the run shows of its inside: attention, frequency, guidance,
                          separated by commas
  --low-fraction <0..1>   part of the spectrum that frequency counts as low, default 0.2
  --convergence-level <0..1>  of attention's agreement with the image, default 0.9
  --format <png|webp>     of the image; taken from --out where that says
  --preview-every <n>     steps between previews, 0 for none, default 5
  --preview-method <m>    projection (default) or vae`;

type Values = Readonly<Record<string, unknown>>;

export interface CommandLine {
  /** Null when help was asked for. */
  readonly request: GenerationRequest | null;
  /** Values of the command's own flags. */
  readonly values: Values;
}

/**
 * @param own flags of the command besides those of a request
 * @throws UsageError for a flag that is unknown, incomplete or not the number it should be
 * @throws ProblemError for a request that is not valid
 */
export function parseCommandLine(
  args: readonly string[],
  own: ParseArgsOptionsConfig = {},
): CommandLine {
  const { values, positionals } = parseStrictly(args, { ...REQUEST_FLAGS, ...own });
  if (values["help"]) return { request: null, values };
  if (positionals.length !== 1) {
    throw new UsageError(
      `Give exactly one prompt, in quotes, given ${positionals.length}; see --help`,
    );
  }
  const parsed = parseGenerationRequest(toRequest(positionals[0] ?? "", values));
  if (!parsed.ok) throw new ProblemError(parsed.problem);
  return { request: parsed.value, values };
}

/** Makes the body that the HTTP API takes; fields not given are left out. */
function toRequest(prompt: string, values: Values): Record<string, unknown> {
  const text = (flag: string) => values[flag];
  const number = (flag: string) => toNumber(flag, values[flag]);
  const auto = withoutAbsent({
    tolerance: number("tolerance"),
    min_steps: number("min-steps"),
    max_steps: number("max-steps"),
  });
  const isAuto = text("cutoff") === "auto" || Object.keys(auto).length > 0;
  const cutoff = withoutAbsent({
    auto: isAuto ? auto : undefined,
    guided_fraction: text("cutoff") === "auto" ? undefined : number("cutoff"),
    guided_steps: number("guided-steps"),
    a: number("a"),
    guided_from: number("guided-from"),
    head: text("head"),
    tail: text("tail"),
  });
  const eosSwap = withoutAbsent({
    prompt: text("eos-swap"),
    from: number("eos-from"),
    to: number("eos-to"),
    scope: text("eos-scope"),
    align: text("eos-align"),
  });
  const tokenStates = withoutAbsent({
    sos: text("sos-state"),
    semantic: text("semantic-state"),
    eos: text("eos-state"),
  });
  const reuse = withoutAbsent({
    depth: number("reuse-depth"),
    from: number("reuse-from"),
    every: number("reuse-every"),
  });
  return withoutAbsent({
    prompt,
    model: text("model"),
    negative_prompt: text("negative"),
    seed: number("seed"),
    width: number("width"),
    height: number("height"),
    num_inference_steps: number("steps"),
    guidance_scale: number("guidance"),
    sampler: text("sampler"),
    budget: number("budget"),
    timestep_spacing: text("timestep-spacing"),
    cutoff: Object.keys(cutoff).length > 0 ? cutoff : undefined,
    eos_swap: Object.keys(eosSwap).length > 0 ? eosSwap : undefined,
    token_states: Object.keys(tokenStates).length > 0 ? tokenStates : undefined,
    semantic_repeats: number("semantic-repeats"),
    reuse: text("reuse") || Object.keys(reuse).length > 0 ? reuse : undefined,
    insights: text("insights") === undefined ? undefined : String(text("insights")).split(","),
    insight_options: withoutAbsent({
      low_fraction: number("low-fraction"),
      convergence_level: number("convergence-level"),
    }),
    previews: withoutAbsent({ every: number("preview-every"), method: text("preview-method") }),
    output_format: text("format"),
  });
}

function toNumber(flag: string, value: unknown): number | undefined {
  if (value === undefined) return undefined;
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : NaN;
  if (Number.isFinite(number)) return number;
  throw new UsageError(`--${flag} must be a number, given ${JSON.stringify(value)}; see --help`);
}

function withoutAbsent(record: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));
}
