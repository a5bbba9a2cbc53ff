/** Writes the insights of a run: the events as JSON, and each token's attention over the image. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { GenerationEvent, Plan, TokenMaps } from "../../contract/mod.ts";
import { overlayHeatMap } from "../pictures/heat_map.ts";
import { encodeImage } from "../../gpu-function/image/image_encoder.ts";
import type { RgbImage } from "../../gpu-function/image/rgb.ts";
import { decodeTokenMaps } from "../../gpu-function/engine/token_maps.ts";
import { writeWhole } from "../command_line/whole_file.ts";

const INSIGHT = /^generation\.(attention|frequency|guidance)/;

export function isInsight({ type }: GenerationEvent): boolean {
  return INSIGHT.test(type);
}

/**
 * Writes `insights.json`, one `mean_<position>_<token>.png` per semantic token, and
 * `step_<step>_<position>_<token>.png` for steps with maps.
 *
 * @param events of the run; all but the insights are ignored
 * @returns the names of the files written
 */
export async function writeInsights(
  folder: string,
  events: readonly GenerationEvent[],
  { plan, image }: { readonly plan: Plan; readonly image: RgbImage },
): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const shown = events.filter(isInsight);
  const { id, prompt, seed, insights, tokens } = plan;
  const report = { id, prompt, seed, insights, tokens: tokens.prompt, events: shown };
  await writeWhole(join(folder, "insights.json"), `${JSON.stringify(report, null, 2)}\n`);
  const names = ["insights.json"];
  for (const event of shown) {
    const maps = mapsOf(event);
    for (const [i, map] of maps ? decodeTokenMaps(maps.maps).entries() : []) {
      const position = maps?.maps.tokens[i]?.position ?? 0;
      const name = `${maps?.label}_${fileName(plan, position)}.png`;
      const { bytes } = await encodeImage(overlayHeatMap(image, map), "png");
      await writeWhole(join(folder, name), bytes);
      names.push(name);
    }
  }
  return names;
}

function mapsOf(event: GenerationEvent): { label: string; maps: TokenMaps } | null {
  if (event.type === "generation.attention_summary") return { label: "mean", maps: event.maps };
  if (event.type !== "generation.attention" || !event.maps) return null;
  return { label: `step_${String(event.step).padStart(3, "0")}`, maps: event.maps };
}

/** Makes a name such as `02_bird`, since tokens hold signs that file names must not. */
function fileName({ tokens }: Plan, position: number): string {
  const token = tokens.prompt[position]?.token ?? "";
  const safe = token.replace(/<\/w>$/, "").replace(/[^\p{L}\p{N}]+/gu, "-");
  return `${String(position).padStart(2, "0")}_${safe}`;
}

/** Summarises each insight in a sentence. */
export function insightLines(events: readonly GenerationEvent[]): string[] {
  const percent = (part: number) => `${(100 * part).toFixed(1)} %`;
  const attention = events.filter((event) => event.type === "generation.attention");
  const [first, last] = [attention[0], attention.at(-1)];
  return [
    ...(first && last
      ? (["sos", "semantic", "eos"] as const).map((name) =>
        `attention on ${name}: ${percent(first.shares[name])} in step ${first.step}, ` +
        `${percent(last.shares[name])} in step ${last.step}`
      )
      : []),
    ...events.flatMap((event) => {
      if (event.type === "generation.attention_summary") {
        const { level, reached } = event.convergence;
        return [`attention has ${percent(level)} of its shape from step ${reached ?? "none"} on`];
      }
      if (event.type !== "generation.frequency_summary") return [];
      const settled = (band: "low" | "high") =>
        event.variation.find(({ x0 }) => (x0[band] ?? 0) < 0.5)?.step ?? "none";
      return [
        `the predicted image is within half of its end from step ${settled("low")} on in low, ` +
        `${settled("high")} in high frequencies`,
      ];
    }),
  ];
}
