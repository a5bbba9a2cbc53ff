/** A point at the wrong height, or a wrong bar, is a false result that looks right. */
import assert from "node:assert/strict";
import sharp from "sharp";
import { lineChart, rowChart } from "./chart.ts";

const estimate = (value: number) => ({ value, low: value - 1, high: value + 1, count: 9 });
const nothing = { value: NaN, low: NaN, high: NaN, count: 0 };

/** Returns attributes of an element's occurrences, as numbers. */
function numbersOf(svg: string, element: string, ...names: readonly string[]): number[][] {
  return [...svg.matchAll(new RegExp(`<${element} [^>]*>`, "g"))]
    .map(([tag]) => names.map((name) => Number(tag.match(new RegExp(` ${name}="([^"]*)"`))?.[1])));
}

Deno.test("lineChart() puts points at their places and bars over their intervals", async () => {
  const points = [0, 5, 10].map((x) => ({ x, y: estimate(x) }));
  const svg = lineChart({
    title: "a < b",
    x: "step",
    y: "score",
    series: [{ name: "one", points: [...points, { x: 20, y: nothing }] }],
  });
  assert.ok(svg.includes("a &lt; b") && !/NaN|undefined/.test(svg));
  // The first circle belongs to the legend.
  const dots = numbersOf(svg, "circle", "cx", "cy").slice(1);
  assert.equal(dots.length, 3);
  const [x0 = NaN, y0 = NaN, x5 = NaN, y5 = NaN, x10 = NaN, y10 = NaN] = dots.flat();
  assert.ok(Math.abs(x5 - (x0 + x10) / 2) < 0.02 && Math.abs(y5 - (y0 + y10) / 2) < 0.02);
  assert.ok(x10 > x0 && y10 < y0);
  const bars = numbersOf(svg, "line", "x1", "y1", "y2").filter(([x]) => x === x5);
  const unit = (y0 - y10) / 10;
  assert.ok(
    bars.some(([, low, high]) =>
      Math.abs(low! - (y5 + unit)) < 0.02 && Math.abs(high! - (y5 - unit)) < 0.02
    ),
  );
  const { width } = await sharp(new TextEncoder().encode(svg)).metadata();
  assert.equal(width, 720);
});

Deno.test("rowChart() has a row for each name and tells the series apart", () => {
  const svg = rowChart({
    title: "t",
    x: "",
    y: "score",
    series: [
      { name: "source", points: [{ x: "first", y: estimate(1) }, { x: "last", y: estimate(3) }] },
      { name: "target", points: [{ x: "first", y: estimate(3) }, { x: "last", y: nothing }] },
    ],
  });
  const [a, b, c] = numbersOf(svg, "circle", "cx", "cy").slice(2) as number[][];
  assert.equal(b![0], c![0], "equal values stand above each other");
  assert.ok(a![0]! < b![0]! && a![1]! < c![1]! && c![1]! < b![1]!);
  assert.equal(
    new Set([...svg.matchAll(/<circle[^>]* fill="([^"]+)"/g)].map(([, f]) => f)).size,
    2,
  );
});

Deno.test("a chart of one point, or of nothing, is still drawn", () => {
  for (const points of [[], [{ x: 3, y: { value: 2, low: 2, high: 2, count: 1 } }]]) {
    assert.ok(
      !lineChart({ title: "", x: "", y: "", series: [{ name: "a", points }] }).includes("NaN"),
    );
  }
});

Deno.test("what was computed is a dashed line without points", () => {
  const points = [0, 1].map((x) => ({ x, y: estimate(x) }));
  const svg = lineChart({
    title: "",
    x: "",
    y: "",
    series: [{ name: "theory", theory: true, points }],
  });
  assert.match(svg, /<path [^>]*stroke-dasharray/);
  assert.match(svg, /<line [^>]*stroke-dasharray/, "in the legend, too");
  assert.equal(numbersOf(svg, "circle", "cx").length, 0);
});
