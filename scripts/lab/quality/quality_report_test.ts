/** The verdict on the judges has to come before the figures. */
import assert from "node:assert/strict";
import { shareOf } from "../statistics/estimate.ts";
import { exampleResult } from "./fixtures/example_result.ts";
import { qualityReport } from "./quality_report.ts";

const result = exampleResult();
const linesOf = (text: string) => text.split("\n").filter((line) => line !== "");

Deno.test("the report has every figure with its interval and the command beside it", () => {
  const text = qualityReport(result, [{ file: "pairs.webp", caption: "Pairs" }]);
  for (
    const part of [
      "`deno task lab quality --model mini --seeds 4`",
      "`deno task lab latency --model mini`",
      "| all | 99.0 % (94.6 to 99.8, n = 100) | 98.0 % (93.0 to 99.4, n = 100) |",
      "| in the colour withheld in training | 95.0 %",
      "| cup | 50.0 % (40.4 to 59.6, n = 100) | bucket, hat |",
      "text finds its image, R@1 of 100 | 94.0 %",
      "| a cup | 0.750 | 0.250 |",
      "| a cup | 0.200 | 0.190 | 0.100 |",
      "| U-Net row | 6.3 ms |",
      "- met: peak memory: at most 500 MB; measured 240.0 MB on 2 cores, load average 0.5",
      "![Pairs](pairs.webp)",
    ]
  ) assert.ok(text.includes(part), part);
  assert.match(linesOf(text)[1] ?? "", /^The judge names/);
});

Deno.test("a judge below 97 %, or a quick look, is said in the first lines", () => {
  const colour = shareOf(Array.from({ length: 1000 }, (_, i) => i < 969));
  const judge = { ...result.judge, single: { ...result.judge.single, colour } };
  const asked = { ...result.asked, limit: 3 };
  const [, first, second] = linesOf(qualityReport({ ...result, judge, asked }, []));
  assert.match(first ?? "", /^\*\*The judge is not good enough/);
  assert.match(second ?? "", /^\*\*Only the first 3 prompts/);
});
