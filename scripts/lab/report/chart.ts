/** Draws measured curves and rows with their intervals as SVG. Pure; d3 places ticks and paths. */
import { type ScaleLinear, scaleLinear } from "d3-scale";
import { line } from "d3-shape";
import type { Estimate } from "../statistics/estimate.ts";
import { escapeXml } from "../../pictures/xml_text.ts";

export interface ChartSeries<X> {
  readonly name: string;
  /** Whether it is computed, not measured: dashes without points and intervals. */
  readonly theory?: boolean;
  readonly points: readonly { readonly x: X; readonly y: Estimate }[];
}

export interface Chart<X> {
  readonly title: string;
  /** Title of the x axis; `y` is that of the y axis. */
  readonly x: string;
  readonly y: string;
  readonly series: readonly ChartSeries<X>[];
}

const WIDTH = 720;
const PLOT_HEIGHT = 320;
const ROW = 30;
const FONT = 12;
const TITLE = 24;
const LINE = 18;
const LETTER = 0.6 * FONT;
const DODGE = 2.5;
const DASHES = ' stroke-dasharray="5 4"';
const RIGHT = WIDTH - 24;
// Okabe and Ito's colours, which most colour-blind people tell apart.
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"];

const colourOf = (series: number) => COLOURS[series % COLOURS.length]!;
type Axis = ScaleLinear<number, number>;

/** Draws a curve of each series over a number; the bars are the intervals. */
export function lineChart({ title, x, y, series }: Chart<number>): string {
  const legend = legendOf(series, TITLE + LINE);
  const [left, top] = [64, legend.bottom + 10];
  const bottom = top + PLOT_HEIGHT;
  const across = axis(series.flatMap(({ points }) => points.map((point) => point.x)), left, RIGHT);
  const up = axis(boundsOf(series), bottom, top).nice(5);
  const curves = series.map(({ points, theory = false }, i) => {
    const shown = points.filter(({ y }) => y.count > 0);
    // Series are set slightly apart, so that their bars do not hide one another.
    const aside = theory ? 0 : DODGE * (i - (series.length - 1) / 2);
    const atOf = ({ x }: (typeof shown)[number]) => across(x) + aside;
    const path = line<(typeof shown)[number]>(atOf, ({ y }) => up(y.value))(shown);
    const bars = shown.map((point) => {
      const { y } = point;
      const at = atOf(point);
      return segment([at, up(y.low)], [at, up(y.high)], colourOf(i)) +
        dot(at, up(y.value), colourOf(i));
    });
    const dashes = theory ? DASHES : "";
    return `<path d="${path ?? ""}" fill="none" stroke="${
      colourOf(i)
    }" stroke-width="1.5"${dashes}/>` +
      (theory ? "" : bars.join(""));
  });
  const middle = (top + bottom) / 2;
  return svg(bottom + 44, [
    text(WIDTH / 2, TITLE - 6, title, { anchor: "middle", weight: "bold" }),
    legend.drawn,
    ...across.ticks(8).map((tick) =>
      segment([across(tick), bottom], [across(tick), bottom + 4], "#404040") +
      text(across(tick), bottom + LINE, String(tick), { anchor: "middle" })
    ),
    ...up.ticks(5).map((tick) =>
      segment([left, up(tick)], [RIGHT, up(tick)], "#e0e0e0") +
      text(left - 8, up(tick) + 4, showTick(tick, up), { anchor: "end" })
    ),
    text((left + RIGHT) / 2, bottom + 2 * LINE, x, { anchor: "middle" }),
    `<g transform="rotate(-90 16 ${middle})">${text(16, middle, y, { anchor: "middle" })}</g>`,
    ...curves,
  ]);
}

/** Draws a row for each name, with a dot of each series; the bars are the intervals. */
export function rowChart({ title, y, series }: Chart<string>): string {
  const rows = [...new Set(series.flatMap(({ points }) => points.map(({ x }) => x)))];
  const legend = legendOf(series, TITLE + LINE);
  const top = legend.bottom + 6;
  const left = 16 + LETTER * Math.max(0, ...rows.map(({ length }) => length));
  const bottom = top + ROW * rows.length;
  const across = axis(boundsOf(series), left, RIGHT).nice(6);
  const dots = series.flatMap(({ points }, i) =>
    points.filter(({ y }) => y.count > 0).map(({ x, y }) => {
      const at = top + ROW * (rows.indexOf(x) + (i + 1) / (series.length + 1));
      return segment([across(y.low), at], [across(y.high), at], colourOf(i)) +
        dot(across(y.value), at, colourOf(i));
    })
  );
  return svg(bottom + 44, [
    text(WIDTH / 2, TITLE - 6, title, { anchor: "middle", weight: "bold" }),
    legend.drawn,
    ...across.ticks(6).map((tick) =>
      segment([across(tick), top], [across(tick), bottom], "#e0e0e0") +
      text(across(tick), bottom + LINE, showTick(tick, across), { anchor: "middle" })
    ),
    ...rows.map((name, i) =>
      segment([left, top + ROW * (i + 1)], [RIGHT, top + ROW * (i + 1)], "#f0f0f0") +
      text(left - 8, top + ROW * (i + 0.5) + 4, name, { anchor: "end" })
    ),
    text((left + RIGHT) / 2, bottom + 2 * LINE, y, { anchor: "middle" }),
    ...dots,
  ]);
}

function boundsOf<X>(series: readonly ChartSeries<X>[]): number[] {
  return series.flatMap(({ points }) =>
    points.filter(({ y }) => y.count > 0).flatMap(({ y }) => [y.low, y.high])
  );
}

/** A single value is put in the middle. */
function axis(values: readonly number[], from: number, to: number): Axis {
  const [low, high] = values.length > 0 ? [Math.min(...values), Math.max(...values)] : [0, 1];
  return scaleLinear().domain([low, high]).range([from, to]);
}

function showTick(tick: number, scale: Axis): string {
  return scale.tickFormat(6)(tick).replace("−", "-");
}

function legendOf(
  series: readonly ChartSeries<unknown>[],
  top: number,
): { readonly drawn: string; readonly bottom: number } {
  const items: string[] = [];
  let [x, y] = [24, top];
  for (const [i, { name, theory = false }] of series.entries()) {
    const width = 36 + LETTER * name.length;
    if (x + width > RIGHT && x > 24) [x, y] = [24, y + LINE];
    const mark = theory ? "" : dot(x + 8, y - 4, colourOf(i));
    items.push(
      segment([x, y - 4], [x + 16, y - 4], colourOf(i), theory) + mark +
        text(x + 22, y, name, { anchor: "start" }),
    );
    x += width;
  }
  return { drawn: items.join(""), bottom: y };
}

type Point = readonly [x: number, y: number];

const round = (value: number) => Number(value.toFixed(2));

function segment(
  [x1, y1]: Point,
  [x2, y2]: Point,
  colour: string,
  dashed = false,
): string {
  return `<line x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}" ` +
    `stroke="${colour}" stroke-width="1.2"${dashed ? DASHES : ""}/>`;
}

function dot(x: number, y: number, colour: string): string {
  return `<circle cx="${round(x)}" cy="${round(y)}" r="3" fill="${colour}"/>`;
}

function text(
  x: number,
  y: number,
  words: string,
  { anchor, weight = "normal" }: { readonly anchor: string; readonly weight?: string },
): string {
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}" font-weight="${weight}" ` +
    `fill="#202020">${escapeXml(words)}</text>`;
}

function svg(height: number, parts: readonly string[]): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" ` +
    `width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="${FONT}">` +
    `<rect width="${WIDTH}" height="${height}" fill="white"/>${parts.join("")}</svg>\n`;
}
