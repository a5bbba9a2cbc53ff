import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EVENTS, PLAN } from "../../contract/fixtures/events.ts";
import { INSIGHT_EVENTS } from "../../contract/fixtures/insight_events.ts";
import { insightLines, writeInsights } from "./insight_folder.ts";
import { readImage } from "../pictures/image_file.ts";

const image = { width: 24, height: 16, data: new Uint8Array(3 * 24 * 16).fill(40) };

Deno.test("insights become one JSON of events and an image per token and step with maps", async () => {
  const folder = await mkdtemp(join(tmpdir(), "shapefirst-"));
  try {
    const names = await writeInsights(folder, [...EVENTS, ...INSIGHT_EVENTS], {
      plan: PLAN,
      image,
    });
    const expected = ["insights.json"];
    for (const label of ["step_004", "mean"]) {
      for (const token of ["02_blue", "03_bird"]) expected.push(`${label}_${token}.png`);
    }
    assert.deepEqual(names, expected);
    assert.deepEqual((await readdir(folder)).sort(), expected.toSorted());
    const report = JSON.parse(await readFile(join(folder, "insights.json"), "utf8"));
    assert.deepEqual(report.events, INSIGHT_EVENTS);
    assert.deepEqual(report.tokens[3].token, "bird");
    const overlay = await readImage(join(folder, "mean_02_blue.png"));
    assert.deepEqual([overlay.width, overlay.height], [24, 16]);
    // The map's last cell is its greatest, its first cell its least.
    assert.ok(overlay.data.at(-3)! > 2 * overlay.data[0]!);
  } finally {
    await rm(folder, { recursive: true });
  }
});

Deno.test("insightLines says in words what there is, and nothing of what there is not", () => {
  const lines = insightLines(INSIGHT_EVENTS);
  assert.equal(lines[0], "attention on sos: 75.0 % in step 0, 50.0 % in step 4");
  assert.ok(lines.some((line) => line.includes("90.0 % of its shape from step 4 on")));
  assert.ok(lines.some((line) => line.includes("from step 0 on in low")));
  assert.deepEqual(insightLines(EVENTS), []);
});
