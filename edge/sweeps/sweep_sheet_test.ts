// If this breaks, an image stands under another's label and is wrong evidence.
import assert from "node:assert/strict";
import { type BranchOutcome, createProblem } from "../../contract/mod.ts";
import { SHEET_END, sheetSize, sheetStart, sheetTile } from "./sweep_sheet.ts";

const outcome = (label: string, more: Partial<BranchOutcome> = {}): BranchOutcome => ({
  label,
  same_as: null,
  id: "",
  status: "succeeded",
  cached: false,
  evaluations: { planned: 75, spent: 24, shared: 51, full: 100, saved: 0.25 },
  failure: null,
  ...more,
});

const layoutOf = (branches: readonly BranchOutcome[]) => ({
  title: "a <blue> bird & a chair",
  width: 128,
  height: 64,
  branches,
});

Deno.test("sheetTile() puts each image above its own label, in rows of equal length", () => {
  const layout = layoutOf(Array.from({ length: 10 }, (_, i) => outcome(`a = ${i}`)));
  // The sheet has two rows of five tiles of 256x128, with three lines of text each.
  assert.deepEqual(sheetSize(layout), { width: 12 + 5 * 268, height: 12 + 2 * (128 + 54 + 12) });
  const tile = sheetTile(layout, 7, { media_type: "image/png", data: "AAAA" });
  assert.match(
    tile,
    /<image x="548" y="206" width="256" height="128" href="data:image\/png;base64,AAAA"/,
  );
  assert.match(tile, /<text x="548" y="348" font-weight="bold">a = 7<\/text>/);
  assert.match(tile, />75 of 100 evaluations, 25 % saved</);
  assert.match(tile, />51 of them shared</);
});

Deno.test("sheetTile() says why a tile is empty, and where an image comes from", () => {
  const failure = createProblem("upstream_failed", "It broke off");
  const layout = layoutOf([
    outcome("a = 0", { status: "failed", failure }),
    outcome("a = 5", { cached: true }),
    outcome("a = 5", { same_as: 1 }),
  ]);
  const failed = sheetTile(layout, 0, null);
  assert.match(failed, /failed: upstream_failed/);
  assert(!failed.includes("<image") && !failed.includes("evaluations"));
  assert.match(sheetTile(layout, 1, null), />from cache</);
  assert.match(sheetTile(layout, 2, null), />equal to an earlier branch</);
});

Deno.test("sheetStart() lets no prompt become markup", () => {
  const svg = sheetStart(layoutOf([outcome("a = 0")])) + SHEET_END;
  assert.match(svg, /<title>a &lt;blue&gt; bird &amp; a chair<\/title>/);
});
