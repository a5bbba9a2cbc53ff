/**
 * Makes one image on the command line, without any server.
 * `deno task generate "a blue bird" --cutoff 0.5 --out bird.png`
 */
import { SingleBar } from "cli-progress";
import { mkdir } from "node:fs/promises";
import { dirname, extname, join } from "node:path";
import { type GenerationEvent, type Plan, ProblemError } from "../../contract/mod.ts";
import { createEngine } from "../../gpu-function/engine/onnx_engine.ts";
import { insightLines, isInsight, writeInsights } from "./insight_folder.ts";
import { generationReport } from "./generation_report.ts";
import { readImage } from "../pictures/image_file.ts";
import { readThreads } from "../command_line/thread_count.ts";
import { writeWhole } from "../command_line/whole_file.ts";
import { modelsFolder } from "../command_line/models_folder.ts";
import { parseCommandLine, REQUEST_HELP } from "../command_line/request_flags.ts";
import { runCommand, UsageError } from "../command_line/command_line.ts";

const HELP = `Usage: deno task generate "<prompt>" [flags]
${REQUEST_HELP}
  --out <file>            the image, default image.png or image.webp
  --previews <folder>     keep the previews there
  --insights-out <folder>  insights as JSON, attention over the image as PNG; default insights
  --threads <n>           threads per operator, default all`;

await runCommand(async () => {
  const { request, values } = parseCommandLine(withFormatOfOut(Deno.args), {
    out: { type: "string" },
    previews: { type: "string" },
    "insights-out": { type: "string" },
    threads: { type: "string" },
  });
  if (!request) return console.log(HELP);
  if (values["insights-out"] !== undefined && request.insights.length === 0) {
    throw new UsageError("--insights-out needs --insights to say which, given none; see --help");
  }
  const threads = readThreads(values["threads"]);
  const engine = await createEngine({
    modelsDir: modelsFolder(),
    model: request.model,
    intraOpNumThreads: threads,
  });
  const planned = engine.plan(request);
  if (!planned.ok) throw new ProblemError(planned.problem);
  const plan = planned.value;
  const out = String(values["out"] ?? `image.${plan.output_format}`);
  const previews = values["previews"] === undefined ? null : String(values["previews"]);
  const events = await Array.fromAsync(
    show(plan, engine.generate(plan, new AbortController().signal), { out, previews }),
  );
  await engine.close();
  if (request.insights.length > 0) {
    const folder = String(values["insights-out"] ?? "insights");
    const files = await writeInsights(folder, events, { plan, image: await readImage(out) });
    console.log(`${folder}  ${files.length} files of insights`);
    for (const line of insightLines(events)) console.log(line);
  }
});

/** `--out bird.webp` asks for WebP, so that a file never lies about its content. */
function withFormatOfOut(args: readonly string[]): string[] {
  const at = args.findIndex((arg) => arg === "--out" || arg.startsWith("--out="));
  const out = args[at]?.startsWith("--out=") ? args[at]?.slice(6) : args[at + 1];
  if (at < 0 || out === undefined) return [...args];
  const format = extname(out).slice(1).toLowerCase();
  if (format !== "png" && format !== "webp") {
    throw new UsageError(`--out must end in .png or .webp, given ${out}`);
  }
  return args.includes("--format") ? [...args] : [...args, "--format", format];
}

interface Destination {
  readonly out: string;
  readonly previews: string | null;
}

/** Shows the run's progress, writes its files, and yields its insights. */
async function* show(
  plan: Plan,
  events: AsyncIterable<GenerationEvent>,
  { out, previews }: Destination,
): AsyncGenerator<GenerationEvent> {
  const bar = new SingleBar({
    format: "{bar} step {value}/{total}  {evaluations} evaluations",
    barCompleteChar: "█",
    barIncompleteChar: "░",
    hideCursor: true,
  });
  bar.start(plan.num_inference_steps, 0, { evaluations: 0 });
  try {
    for await (const event of events) {
      if (event.type === "generation.step") {
        bar.update(event.step + 1, { evaluations: event.evaluations });
      } else if (event.type === "generation.preview" && previews !== null) {
        await mkdir(previews, { recursive: true });
        const step = String(event.step).padStart(3, "0");
        await writeWhole(join(previews, `step_${step}.webp`), Uint8Array.fromBase64(event.data));
      } else if (event.type === "generation.image") {
        await mkdir(dirname(out), { recursive: true });
        await writeWhole(out, Uint8Array.fromBase64(event.data));
      } else if (event.type === "generation.completed") {
        bar.stop();
        for (const line of generationReport(plan, event, out)) console.log(line);
      } else if (isInsight(event)) {
        yield event;
      }
    }
  } finally {
    bar.stop();
  }
}
