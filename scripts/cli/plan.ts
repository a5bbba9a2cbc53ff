/**
 * Shows what a request would do, without running it. Takes the flags of `generate`.
 * `deno task plan "a blue bird" --cutoff 0.5`
 */
import {
  type Plan,
  planGeneration,
  type PlannedToken,
  ProblemError,
  seesPrompt,
  unreadIn,
} from "../../contract/mod.ts";
import { modelsFolder } from "../command_line/models_folder.ts";
import { parseCommandLine, REQUEST_HELP } from "../command_line/request_flags.ts";
import { runCommand } from "../command_line/command_line.ts";
import { findModel } from "../engine/installed_model.ts";

const HELP = `Usage: deno task plan "<prompt>" [flags]
${REQUEST_HELP}
  --json                  the plan as JSON`;

await runCommand(async () => {
  const { request, values } = parseCommandLine(Deno.args, { json: { type: "boolean" } });
  if (!request) return console.log(HELP);
  const model = await findModel(modelsFolder(), request.model);
  // The seed does not change what is shown, so an absent one need not be drawn.
  const planned = planGeneration({ ...request, seed: request.seed ?? 0 }, model);
  if (!planned.ok) throw new ProblemError(planned.problem);
  const unread = Object.values(unreadIn(request, model)).flat();
  if (unread.length > 0) console.error(`Not read by ${request.model}: ${unread.join(" ")}`);
  if (values["json"]) console.log(JSON.stringify(planned.value, null, 2));
  else show(planned.value);
});

function show(plan: Plan): void {
  const { evaluations: { planned, full }, compute, reuse, eos_swap } = plan;
  console.log(
    `${plan.model}  ${plan.width}x${plan.height}  ${plan.sampler}, guidance ${plan.guidance_scale}`,
  );
  if (plan.budget) {
    const { asked, compute: spent, front } = plan.budget;
    const [share, least] = [spent, asked].map((part) => `${(100 * part).toFixed(1)} %`);
    console.log(
      `budget ${least}: ${plan.num_inference_steps} steps that compute ${share}, ${front} front`,
    );
  }
  const saved = `${(100 * compute.saved).toFixed(0)} % of the compute saved`;
  console.log(`${planned} of ${full} evaluations, ${saved}`);
  console.log(guidanceLine(plan));
  if (reuse) {
    const whole = `the whole model in steps ${reuse.whole_steps.join(", ")}`;
    console.log(`${whole}; else deep features of depth ${reuse.depth} are reused`);
  }
  if (eos_swap) {
    console.log(
      `[EOS] (${eos_swap.scope}, ${eos_swap.align}) swapped from step ${eos_swap.from} to ${eos_swap.to}`,
    );
  }
  console.log();
  table(
    ["steps", "conditioning", "rows", "[EOS]"],
    plan.phases.map((phase) => [
      `${phase.from}..${phase.to}`,
      phase.conditioning,
      String(phase.rows),
      seesPrompt(phase) ? phase.eos_swapped ? "swapped" : "own" : "",
    ]),
  );
  console.log();
  table(["position", "id", "token", "class", "state"], tokenRows(plan));
}

function guidanceLine({ cutoff, num_inference_steps }: Plan): string {
  const { guided_from, guided_steps, a, head, tail, auto } = cutoff;
  const start = guided_from > 0 ? ` from step ${guided_from} on, head ${head}` : "";
  const steps = auto ? `${auto.min_steps} to ${guided_steps}` : guided_steps;
  return `guided steps ${steps} of ${num_inference_steps}${start} (a = ${a}), tail ${tail}`;
}

/** Lists the tokens up to the first padding; one row sums up the rest. */
function tokenRows({ tokens }: Plan): string[][] {
  const padding = tokens.prompt.findIndex((token) => token.class === "padding");
  const shown = padding < 0 ? tokens.prompt : tokens.prompt.slice(0, padding + 1);
  const rows = shown.map((token) => [
    String(token.position),
    String(token.id),
    token.token,
    token.unknown ? `${token.class}, unknown` : token.class,
    stateOf(token),
  ]);
  const rest = tokens.prompt.slice(shown.length);
  if (rest.length === 0) return rows;
  const [first, last] = [rest[0], rest.at(-1)].map((token) => token ? stateOf(token) : "");
  return [...rows, [
    `+${rest.length}`,
    "",
    "",
    "padding",
    first === last ? first! : `${first} .. ${last}`,
  ]];
}

/** Names what conditions a step instead of the token's own state. */
function stateOf({ state, swap_source }: PlannedToken): string {
  if (state === "sos" || state === "eos") return `[${state.toUpperCase()}]`;
  if (state !== "own") return state;
  return swap_source === null ? "" : `B ${swap_source}`;
}

function table(head: readonly string[], rows: readonly string[][]): void {
  const widths = head.map((name, i) =>
    Math.max(name.length, ...rows.map((row) => row[i]?.length ?? 0))
  );
  for (const row of [head, ...rows]) {
    console.log(row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  ").trimEnd());
  }
}
