/** Writes quality.md from what was measured. Pure. */
import { showNumber, showShare } from "../report/shown_estimate.ts";
import { criteriaOf, criterionLine, JUDGE_MIN, judgeIsGoodEnough } from "./criteria.ts";
import type { QualityResult } from "./quality_result.ts";

/** A grid beside the report, and what it shows. */
export interface ReportPicture {
  readonly file: string;
  readonly caption: string;
}

export function qualityReport(
  result: QualityResult,
  pictures: readonly ReportPicture[],
): string {
  const sections = [
    heading(result),
    criteriaSection(result),
    judgeSection(result),
    drawnSection(result),
    varietySection(result),
    copiesSection(result),
    latencySection(result),
    pictures.map(({ file, caption }) => `![${caption}](${file})\n\n${caption}`).join("\n\n"),
  ];
  return sections.filter((section) => section !== "").join("\n\n") + "\n";
}

function heading(result: QualityResult): string {
  const { model, asked, command } = result;
  const percent = 100 * JUDGE_MIN;
  const verdict = judgeIsGoodEnough(result)
    ? `The judge names object and colour of real renders right in at least ${percent} %, so its word on drawn images counts.`
    : `**The judge is not good enough: it names object or colour of real renders right in less than ${percent} %. The figures for drawn images below are not to be relied on.**`;
  const partial = asked.limit === null ? [] : [
    `**Only the first ${asked.limit} prompts of each kind were drawn: a quick look, no result.**`,
  ];
  return [
    `# Quality of ${model.id}`,
    verdict,
    ...partial,
    `Written by \`${command}\`. Model digest \`${model.digest}\`, engine ${model.engine_version}, ` +
    `${model.width}x${model.height}, the model's own defaults, seeds 0 to ${asked.seeds - 1}. ` +
    "Brackets hold 95 % intervals. Of shares Wilson's, n counting images; those of one prompt resemble " +
    "each other and count for as many as they are worth. Of means bootstrap, n counting prompts or renders.",
  ].join("\n\n");
}

function criteriaSection(result: QualityResult): string {
  const lines = criteriaOf(result).map((criterion) => `- ${criterionLine(criterion)}`);
  return ["## Criteria", lines.join("\n")].join("\n\n");
}

function judgeSection({ judge }: QualityResult) {
  const { single, pair, false_agreement, retrieval, retrieval_mixed } = judge;
  return [
    "## The judge, on real held-out renders",
    table(["", "measured"], [
      ["one object: object right", showShare(single.object)],
      ["one object: colour right", showShare(single.colour)],
      ["one object: centre error in pixels", showNumber(single.centre_error_pixels, 1)],
      ["two objects: both right", showShare(pair.both_objects)],
      ["two objects: relation right of those", showShare(pair.relation_of_both)],
      ["two objects: both colours right of those", showShare(pair.both_colours_of_both)],
      ["noise taken for a random object asked for", showShare(false_agreement.noise)],
      ["plain image taken for a random object asked for", showShare(false_agreement.plain)],
      ["render taken for a random other object", showShare(false_agreement.other_noun)],
      ["noise said to show any object", showShare(false_agreement.noise_any_object)],
      ["plain image said to show any object", showShare(false_agreement.plain_any_object)],
      ["dual encoder: text finds its image, R@1 of 100", showShare(retrieval_mixed.text_to_image)],
      ["dual encoder: image finds its text, R@1 of 100", showShare(retrieval_mixed.image_to_text)],
      ["the same, text to image, in pools of one kind", showShare(retrieval.text_to_image)],
      ["the same, image to text, in pools of one kind", showShare(retrieval.image_to_text)],
    ]),
    'The judge names the heaviest object and knows no "nothing here": where there is nothing, it agrees with what was asked by chance alone.',
  ].join("\n\n");
}

function drawnSection({ drawn }: QualityResult): string {
  const singles = [
    ["all", drawn.single],
    ["in the colour withheld in training", drawn.withheld],
    ["in other colours", drawn.not_withheld],
  ] as const;
  return [
    "## Drawn images",
    table(
      ["one object", "object right", "colour right", "text-image cosine"],
      singles.map(([name, { object, colour, text_image_cosine }]) => [
        name,
        showShare(object),
        showShare(colour),
        showNumber(text_image_cosine),
      ]),
    ),
    table(["two objects", "measured"], [
      ["both right", showShare(drawn.pair.both_objects)],
      ["relation right of those", showShare(drawn.pair.relation_of_both)],
      ["both colours right of those", showShare(drawn.pair.both_colours_of_both)],
      ["text-image cosine", showNumber(drawn.pair.text_image_cosine)],
    ]),
    worstObjects(drawn),
  ].join("\n\n");
}

function worstObjects({ worst_objects }: QualityResult["drawn"]): string {
  if (worst_objects.length === 0) return "No object was ever missed.";
  const rows = worst_objects.slice(0, WORST_SHOWN).map(({ noun, object, taken_for }) => [
    noun,
    showShare(object),
    taken_for.join(", "),
  ]);
  const others = worst_objects.slice(WORST_SHOWN).map(({ noun }) => noun);
  const rest = others.length > 0 ? [`Missed less often: ${others.join(", ")}.`] : [];
  return [
    "Worst objects:",
    table(["object", "right", "taken for"], rows),
    ...rest,
  ].join("\n\n");
}

const WORST_SHOWN = 20;

function varietySection({ variety }: QualityResult): string {
  return [
    "## Variety over 16 seeds",
    "Mean pairwise distance among drawn images over that among real renders of the same prompt; 1 is as varied as those. The embedding distance, 1 - cosine, grows with the square of small differences.",
    table(["prompt", "pixel distance (RMS)", "embedding distance (1 - cosine)"], [
      ...variety.prompts.map(({ prompt, pixel_ratio, embedding_ratio }) => [
        prompt,
        pixel_ratio.toFixed(3),
        embedding_ratio.toFixed(3),
      ]),
      ["mean", showNumber(variety.pixel_ratio), showNumber(variety.embedding_ratio)],
    ]),
  ].join("\n\n");
}

function copiesSection({ near_copies: { prompts, nearer } }: QualityResult): string {
  return [
    "## Near copies",
    "Distance (RMS at 32x32, in shares of the pixel range) to the nearest of the training renders that fit the prompt.",
    table(
      [
        "prompt",
        "drawn, mean",
        "held-out renders, mean",
        "the nearest of them",
        "drawn nearer still",
      ],
      prompts.map((row) => [
        row.prompt,
        row.drawn_distance.toFixed(3),
        row.held_out_distance.toFixed(3),
        row.bound.toFixed(3),
        showShare(row.nearer),
      ]),
    ),
    `Nearer still in all: ${
      showShare(nearer)
    }. 1 of 101 means that drawn images come no nearer to what the model was trained on than new renders of the same prompt do by chance; much more means copies.`,
  ].join("\n\n");
}

function latencySection({ latency, model }: QualityResult): string {
  return [
    "## Time and memory",
    `Medians on ${latency.cores} cores with a load average of ${
      latency.load_average.toFixed(1)
    }, by \`deno task lab latency --model ${model.id}\`.`,
    table(["", "measured"], [
      ["U-Net row", `${latency.unet_row_ms.toFixed(1)} ms`],
      ["VAE decode", `${latency.vae_decode_ms.toFixed(1)} ms`],
      ["text encoding", `${latency.text_encode_ms.toFixed(1)} ms`],
      ["50 steps, cutoff 0.5, previews", `${latency.cutoff_run_ms.toFixed(0)} ms`],
      ["peak memory of the process", `${latency.peak_rss_mb.toFixed(0)} MB`],
    ]),
  ].join("\n\n");
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
