/** Draws images as one labelled grid. */
import { Buffer } from "node:buffer";
import sharp from "sharp";
import type { RgbImage } from "../../gpu-function/image/rgb.ts";
import { escapeXml } from "./xml_text.ts";

export interface Cell {
  readonly image: RgbImage;
  readonly label: string;
  /** Whether the label is red. */
  readonly wrong?: boolean;
}

export interface SheetLayout {
  readonly columns: number;
  /** Side of an image on the sheet, in pixels. */
  readonly tile: number;
}

/** `webp` is for files kept in a repository: a fifth of the bytes, with no visible difference. */
export type SheetFormat = "png" | "webp";

const GAP = 4;
const FONT = 10;
const LINE = 12;
// DejaVu Sans, which most machines fall back to, is wider than Arial: a letter is 0.58 of its size.
const LETTER = 0.58 * FONT;

/** Places cells row by row in the order given, each label below its image. */
export async function contactSheet(
  cells: readonly Cell[],
  { columns, tile }: SheetLayout,
  format: SheetFormat = "png",
): Promise<Uint8Array> {
  const labels = cells.map(({ label }) => wrapLabel(label, Math.floor(tile / LETTER)));
  const lines = Math.max(0, ...labels.map(({ length }) => length));
  const [stepX, stepY] = [tile + GAP, tile + LINE * lines + GAP];
  const place = (i: number) => ({
    left: GAP + (i % columns) * stepX,
    top: GAP + Math.floor(i / columns) * stepY,
  });
  const width = GAP + Math.min(columns, cells.length) * stepX;
  const height = GAP + Math.ceil(cells.length / columns) * stepY;
  const images = await Promise.all(cells.map(async ({ image }, i) => ({
    input: await fitTile(image, tile),
    ...place(i),
  })));
  const texts = cells.map(({ wrong }, i) =>
    labelSvg(labels[i]!, place(i), { tile, colour: wrong ? "#c00000" : "#202020" })
  );
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" ` +
    `font-family="sans-serif" font-size="${FONT}">${texts.join("")}</svg>`;
  const sheet = sharp({ create: { width, height, channels: 3, background: "white" } })
    .composite([...images, { input: Buffer.from(svg), left: 0, top: 0 }])
    .removeAlpha();
  return await (format === "png"
    ? sheet.png({ compressionLevel: 9 })
    // Red labels would blur without the careful subsampling of colours.
    : sheet.webp({ quality: 95, effort: 6, smartSubsample: true })).toBuffer();
}

/** Small images keep their pixels as squares, large ones are averaged. */
async function fitTile({ data, width, height }: RgbImage, tile: number): Promise<Buffer> {
  return await sharp(data, { raw: { width, height, channels: 3 } })
    .resize(tile, tile, { kernel: width < tile ? "nearest" : "lanczos3", fit: "fill" })
    .png().toBuffer();
}

function labelSvg(
  lines: readonly string[],
  { left, top }: { readonly left: number; readonly top: number },
  { tile, colour }: { readonly tile: number; readonly colour: string },
): string {
  return lines.map((line, i) => {
    const y = top + tile + LINE * (i + 1) - 2;
    return `<text x="${left}" y="${y}" fill="${colour}">${escapeXml(line)}</text>`;
  }).join("");
}

/** Breaks lines of at most `letters` between words; a longer word has a line of its own. */
export function wrapLabel(label: string, letters: number): string[] {
  const lines: string[] = [];
  for (const word of label.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= letters) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else lines.push(word);
  }
  return lines;
}
