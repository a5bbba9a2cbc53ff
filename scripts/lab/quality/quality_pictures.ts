/** Draws the grids beside the report from the first images, with none picked. */
import type { RgbImage } from "../../../gpu-function/image/rgb.ts";
import { type Cell, contactSheet, type SheetLayout } from "../../pictures/contact_sheet.ts";
import type { References } from "../references/references.ts";
import type { ClassifierLabels, Seen } from "../scorers/judge/grid_reading.ts";
import { isRight } from "./figures/agreement.ts";
import { type DrawnImage, isWithheld } from "./figures/drawn_shares.ts";
import type { NearCopies } from "./figures/near_copies.ts";
import type { ReportPicture } from "./quality_report.ts";

export interface Picture extends ReportPicture {
  readonly image: Uint8Array;
}

/** A judged image with what was asked, in words. */
export interface ShownImage extends DrawnImage {
  readonly image: RgbImage;
  readonly text: string;
  readonly seed: number;
}

export interface PromptSeries {
  readonly prompt: string;
  /** Images by seed, from 0. */
  readonly drawn: readonly RgbImage[];
}

const FIRST = 40;
const KIND_LAYOUT: SheetLayout = { columns: 8, tile: 96 };

export async function picturesOfKinds(
  images: readonly ShownImage[],
  labels: ClassifierLabels,
): Promise<Picture[]> {
  const first = images.filter(({ seed }) => seed === 0);
  const kinds = [
    ["withheld", "one object in the colour withheld in training", "withheld"],
    ["singles", "one object in another colour", "single"],
    ["pairs", "two objects with a relation", "pair"],
  ] as const;
  const kindOf = ({ asked }: ShownImage) =>
    asked.objects.length === 2 ? "pair" : isWithheld(asked, labels) ? "withheld" : "single";
  const pictures = kinds.map(async ([name, what, kind]) => {
    const cells = first.filter((image) => kindOf(image) === kind).slice(0, FIRST).map(cellOf);
    return cells.length === 0 ? [] : [{
      file: `${name}.webp`,
      caption: `The first ${cells.length} prompts for ${what}, seed 0. ` +
        "Red: what the judge saw instead.",
      image: await contactSheet(cells, KIND_LAYOUT, "webp"),
    }];
  });
  return (await Promise.all(pictures)).flat();
}

function cellOf(shown: ShownImage): Cell {
  if (isRight(shown)) return { image: shown.image, label: shown.text };
  const { seen, asked } = shown;
  const words = seen.slice(0, asked.objects.length).map(({ colour, noun }: Seen) =>
    `${colour} ${noun}`
  );
  return { image: shown.image, label: `${shown.text} (${words.join(", ")})`, wrong: true };
}

export async function varietyPicture(
  series: readonly PromptSeries[],
  { variety }: References,
): Promise<Picture> {
  const columns = Math.max(1, ...series.map(({ drawn }) => drawn.length));
  const cells = series.flatMap(({ prompt, drawn }) => {
    const real = variety.find((each) => each.prompt === prompt)?.images ?? [];
    return [
      ...drawn.map((image, seed) => ({ image, label: seed === 0 ? prompt : `seed ${seed}` })),
      ...real.slice(0, drawn.length).map((image) => ({ image, label: "real" })),
    ];
  });
  return {
    file: "variety.webp",
    caption: "Each prompt over its seeds, and real renders of it below.",
    image: await contactSheet(cells, { columns, tile: 64 }, "webp"),
  };
}

/** @param small the small drawn images that were compared, by prompt */
export async function nearCopiesPicture(
  { prompts }: NearCopies,
  small: ReadonlyMap<string, readonly RgbImage[]>,
  { training }: References,
): Promise<Picture> {
  const cells = prompts.flatMap(({ prompt, nearest, bound }) => {
    const image = small.get(prompt)?.[nearest.drawn];
    const shown = training.prompts.find((each) => each.prompt === prompt)?.shown[nearest.shown];
    if (!image || !shown) return [];
    const label = `${prompt}, seed ${nearest.drawn}`;
    const distance = `training, ${nearest.distance.toFixed(3)}`;
    return [{ image, label }, { image: shown, label: distance, wrong: nearest.distance < bound }];
  });
  return {
    file: "near_copies.webp",
    caption: "For each prompt the drawn image that is nearest to a training render, and that " +
      "render, at 32x32. Red: nearer than every new render.",
    image: await contactSheet(cells, { columns: 8, tile: 96 }, "webp"),
  };
}
