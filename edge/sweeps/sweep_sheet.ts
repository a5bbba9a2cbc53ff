/**
 * The contact sheet of a sweep as SVG with its images inside. It needs no image library, so it is
 * the same on every platform. It comes in parts, so that a large one need not fit into memory.
 * Pure.
 */
import type { BranchOutcome } from "../../contract/mod.ts";

/** An image file. */
export interface SheetImage {
  readonly media_type: string;
  /** Base64. */
  readonly data: string;
}

export interface SheetLayout {
  /** What all branches have in common. */
  readonly title: string;
  /** Pixels of each image. */
  readonly width: number;
  readonly height: number;
  readonly branches: readonly BranchOutcome[];
}

/** Width of an image on the sheet, pixels. */
const TILE = 256;
const GAP = 12;
const LINE = 18;
const LABEL_LINES = 3;
const COLUMNS_MAX = 8;
/** Below this side an image keeps its pixels as squares. */
const SMOOTH_SIDE_MIN = 96;

export function sheetSize({ width, height, branches }: SheetLayout) {
  const columns = columnsOf(branches.length);
  const rows = Math.ceil(branches.length / columns);
  const row = Math.round(TILE * height / width) + LABEL_LINES * LINE + GAP;
  return { width: GAP + columns * (TILE + GAP), height: GAP + rows * row };
}

/** Returns one row's length while it fits, then that of equal rows. */
function columnsOf(count: number): number {
  return Math.ceil(count / Math.ceil(count / COLUMNS_MAX));
}

export function sheetStart(layout: SheetLayout): string {
  const { width, height } = sheetSize(layout);
  const rendering = layout.width < SMOOTH_SIDE_MIN ? "pixelated" : "auto";
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" ` +
    `width="${width}" height="${height}" font-family="sans-serif" font-size="13" fill="#202020" ` +
    `image-rendering="${rendering}"><title>${escapeXml(layout.title)}</title>` +
    `<rect width="100%" height="100%" fill="#ffffff"/>`;
}

/** Draws one branch: its image, or an empty tile where it has none, and its label. */
export function sheetTile(layout: SheetLayout, i: number, image: SheetImage | null): string {
  const columns = columnsOf(layout.branches.length);
  const tile = Math.round(TILE * layout.height / layout.width);
  const x = GAP + (i % columns) * (TILE + GAP);
  const y = GAP + Math.floor(i / columns) * (tile + LABEL_LINES * LINE + GAP);
  const place = `x="${x}" y="${y}" width="${TILE}" height="${tile}"`;
  const picture = image
    ? `<image ${place} href="data:${image.media_type};base64,${image.data}"/>`
    : `<rect ${place} fill="none" stroke="#a0a0a0" stroke-dasharray="4"/>`;
  const branch = layout.branches[i];
  const lines = branch ? labelLines(branch) : [];
  const texts = lines.map((line, n) => {
    const weight = n === 0 ? ' font-weight="bold"' : "";
    return `<text x="${x}" y="${y + tile + LINE * (n + 1) - 4}"${weight}>${escapeXml(line)}</text>`;
  });
  return picture + texts.join("");
}

export const SHEET_END = "</svg>";

/** Returns the setting, the evaluations and saving, and what of them was shared. */
function labelLines({ label, same_as, status, failure, cached, evaluations }: BranchOutcome) {
  if (status !== "succeeded") return [label, failure ? `failed: ${failure.code}` : status];
  const { spent, full, saved, shared } = evaluations;
  const share = `${Number((100 * saved).toFixed(1))} % saved`;
  const source = same_as !== null ? "equal to an earlier branch" : cached ? "from cache" : null;
  return [
    label,
    `${spent + shared} of ${full} evaluations, ${share}`,
    ...(source !== null ? [source] : shared > 0 ? [`${shared} of them shared`] : []),
  ];
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
