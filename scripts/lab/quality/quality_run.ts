/** Measures how well a model draws what it is asked for. `deno task lab quality` */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { ENGINE_VERSION } from "../../../contract/mod.ts";
import type { RgbImage } from "../../../gpu-function/image/rgb.ts";
import type { ModelPackage } from "../../../gpu-function/packages/model_package.ts";
import { createEngine } from "../../../gpu-function/engine/onnx_engine.ts";
import { ROOT } from "../../checkout.ts";
import { modelsFolder } from "../../command_line/models_folder.ts";
import { startBar } from "../grid/drawn_grid.ts";
import { isPair, loadPrompts } from "../prompts/evaluation_prompt.ts";
import { openGenerationCache } from "../drawings/generation_cache.ts";
import { writeWhole } from "../../command_line/whole_file.ts";
import { findModel } from "../../engine/installed_model.ts";
import type { Latency } from "../latency/latency.ts";
import { loadReferences } from "../references/references.ts";
import { loadClassifier } from "../scorers/judge/classifier.ts";
import { loadDualEncoder } from "../scorers/similarity/dual_encoder.ts";
import { criteriaOf, criterionLine } from "./criteria.ts";
import { type DrawingList, drawingsOf, keyOf, listDrawings } from "./figures/drawing_list.ts";
import { parseQualityFlags, QUALITY_HELP, type QualityOptions } from "./quality_flags.ts";
import { measureQuality, type QualityMeasurement } from "./quality_measurement.ts";
import { qualityReport } from "./quality_report.ts";
import type { QualityResult } from "./quality_result.ts";

export async function runQuality(args: readonly string[]): Promise<void> {
  const options = parseQualityFlags(args);
  if (options === null) return console.log(QUALITY_HELP);
  const modelPackage = await findModel(modelsFolder(), options.model);
  const references = await loadReferences(options.references);
  const judging = await loadJudging(options.scorers, modelPackage);
  const list = listDrawings(await loadPrompts(), references, options);
  const images = await drawAll(modelPackage, { list, threads: options.threads });
  console.log("Judging");
  const measured = await measureQuality({ ...judging, references, list, images });
  console.log("Timing");
  const latency = await timeAlone(options.model);
  const result = resultOf(options, modelPackage, { list, measured, latency });
  await write(options.out, result, measured);
  for (const criterion of criteriaOf(result)) console.log(criterionLine(criterion));
  console.log(join(options.out, "quality.md"));
}

/** @throws RangeError naming the file that is missing, or the size that the judges cannot take */
async function loadJudging(folder: string, { manifest, tokenizer }: ModelPackage) {
  const classifier = await loadClassifier(folder);
  const { labels, side } = classifier;
  const { width, height } = manifest.defaults;
  if (width !== side || height !== side) {
    throw new RangeError(
      `The judges in ${folder} take ${side}x${side}, ${manifest.id} draws ${width}x${height}`,
    );
  }
  const judges = {
    classifier,
    ...await loadDualEncoder(folder, tokenizer),
    nouns: labels.objects.slice(1),
  };
  return { judges, labels };
}

async function drawAll(
  { manifest: { id: model, digest } }: ModelPackage,
  { list, threads }: { readonly list: DrawingList; readonly threads: number },
): Promise<ReadonlyMap<string, RgbImage>> {
  const engine = await createEngine({
    modelsDir: modelsFolder(),
    model,
    intraOpNumThreads: threads,
  });
  const cache = await openGenerationCache(engine, join(ROOT, ".data/lab", digest));
  const drawings = drawingsOf(list).map((drawing) => ({ ...drawing, model }));
  const kept = drawings.filter(cache.holds);
  const images = new Map<string, RgbImage>();
  const bar = startBar(drawings.length, kept.length);
  try {
    // Kept images come first, so that the time shown as left is that of drawing.
    for (const drawing of [...kept, ...drawings.filter((each) => !kept.includes(each))]) {
      images.set(keyOf(drawing), await cache.image(drawing));
      if (images.size > kept.length) bar.update(images.size);
    }
  } finally {
    bar.stop();
    await engine.close();
  }
  return images;
}

/**
 * Times the model in a process of its own, whose memory holds no images and no judges. The small
 * process of `main.ts` starts it, since Linux counts a parent's memory towards a child's peak.
 */
async function timeAlone(model: string): Promise<Latency> {
  const file = await Deno.makeTempFile({ suffix: ".json" });
  try {
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "scripts/lab/main.ts", "latency", "--model", model, "--out", file],
      cwd: ROOT,
    }).output();
    if (!success) throw new Error(`lab latency failed: ${new TextDecoder().decode(stderr)}`);
    return JSON.parse(await Deno.readTextFile(file)) as Latency;
  } finally {
    await Deno.remove(file);
  }
}

function resultOf(
  { model, seeds, limit }: QualityOptions,
  { manifest }: ModelPackage,
  { list, measured, latency }: {
    readonly list: DrawingList;
    readonly measured: QualityMeasurement;
    readonly latency: Latency;
  },
): QualityResult {
  const singles = list.prompts.filter((prompt) => !isPair(prompt));
  const flags = `--model ${model} --seeds ${seeds}${limit === null ? "" : ` --limit ${limit}`}`;
  const { id, digest, defaults: { width, height } } = manifest;
  return {
    command: `deno task lab quality ${flags}`,
    model: { id, digest, engine_version: ENGINE_VERSION, width, height },
    asked: {
      objects: new Set(singles.flatMap(({ objects }) => objects)).size,
      colours: new Set(singles.flatMap(({ colours }) => colours)).size,
      seeds,
      limit,
    },
    ...measured.figures,
    latency,
  };
}

async function write(
  folder: string,
  result: QualityResult,
  { pictures }: QualityMeasurement,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const { file, image } of pictures) await writeWhole(join(folder, file), image);
  await writeWhole(join(folder, "quality.json"), JSON.stringify(result, null, 2) + "\n");
  await writeWhole(join(folder, "quality.md"), qualityReport(result, pictures));
}
