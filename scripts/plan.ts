/**
 * Shows what a request would do, without running it. Takes the flags of `generate`.
 * `deno task plan "a blue bird" --cutoff 0.5`
 */
import {
  createPromptTokenizer,
  type GenerationRequest,
  type Plan,
  planGeneration,
  ProblemError,
} from "../contract/mod.ts";
import {
  listPackages,
  type ModelPackage,
  readModelPackage,
} from "../gpu-function/model_package.ts";
import { modelsFolder, parseCommandLine, REQUEST_HELP, runCommand } from "./generation_flags.ts";

const HELP = `Usage: deno task plan "<prompt>" [flags]
${REQUEST_HELP}
  --json                  the plan as JSON`;

await runCommand(async () => {
  const { request, values } = parseCommandLine(Deno.args, { json: { type: "boolean" } });
  if (!request) return console.log(HELP);
  const { manifest, tokenizerJson, tokenizerConfig } = await findPackage(request);
  const tokenizer = createPromptTokenizer(tokenizerJson, tokenizerConfig, manifest.text);
  // The seed does not change what is shown, so an absent one need not be drawn.
  const planned = planGeneration({ ...request, seed: request.seed ?? 0 }, { manifest, tokenizer });
  if (!planned.ok) throw new ProblemError(planned.problem);
  if (values["json"]) console.log(JSON.stringify(planned.value, null, 2));
  else show(planned.value);
});

async function findPackage({ model }: GenerationRequest): Promise<ModelPackage> {
  const known: string[] = [];
  for (const folder of await listPackages(modelsFolder())) {
    const modelPackage = await readModelPackage(folder);
    if (modelPackage.manifest.id === model) return modelPackage;
    known.push(modelPackage.manifest.id);
  }
  throw new RangeError(`--model must be one of ${known.join(", ")}, given ${model}`);
}

function show(plan: Plan): void {
  const { evaluations: { planned, full, saved }, cutoff, eos_swap } = plan;
  console.log(
    `${plan.model}  ${plan.width}x${plan.height}  ${plan.sampler}, guidance ${plan.guidance_scale}`,
  );
  console.log(`${planned} of ${full} evaluations, ${(100 * saved).toFixed(0)} % saved`);
  console.log(
    `guided steps ${cutoff.guided_steps} of ${plan.num_inference_steps} ` +
      `(a = ${cutoff.a}), tail ${cutoff.tail}`,
  );
  if (eos_swap) console.log(`[EOS] swapped from step ${eos_swap.from} to ${eos_swap.to}`);
  console.log();
  table(
    ["steps", "conditioning", "rows", "[EOS]"],
    plan.phases.map(({ from, to, conditioning, rows, eos_swapped }) => [
      `${from}..${to}`,
      conditioning,
      String(rows),
      eos_swapped ? "swapped" : "own",
    ]),
  );
  console.log();
  table(["position", "id", "token", "class", "state from"], tokenRows(plan));
}

/** The tokens up to the first padding; the rest of it is alike. */
function tokenRows({ tokens }: Plan): string[][] {
  const padding = tokens.prompt.findIndex((token) => token.class === "padding");
  const shown = padding < 0 ? tokens.prompt : tokens.prompt.slice(0, padding + 1);
  const rows = shown.map((token) => [
    String(token.position),
    String(token.id),
    token.token,
    token.unknown ? `${token.class}, unknown` : token.class,
    token.swap_source === null ? "" : `B ${token.swap_source}`,
  ]);
  const more = tokens.prompt.length - shown.length;
  return more > 0 ? [...rows, [`+${more}`, "", "", "padding", ""]] : rows;
}

function table(head: readonly string[], rows: readonly string[][]): void {
  const widths = head.map((name, i) =>
    Math.max(name.length, ...rows.map((row) => row[i]?.length ?? 0))
  );
  for (const row of [head, ...rows]) {
    console.log(row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  ").trimEnd());
  }
}
