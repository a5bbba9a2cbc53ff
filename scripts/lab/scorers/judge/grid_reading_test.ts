/** The judge must read grids as `scripts/training/train` does, which fixtures/record.py records. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import recorded from "../fixtures/grid_readings.json" with { type: "json" };
import { readGrids, relationOf } from "./grid_reading.ts";

function floats(base64: string): Float32Array {
  return new Float32Array(new Uint8Array(Buffer.from(base64, "base64")).buffer);
}

const objects = floats(recorded.object_logits);
const colours = floats(recorded.colour_logits);
const count = recorded.found.length;

for (const [i, expected] of recorded.found.entries()) {
  Deno.test(`readGrids() reads grid ${i} as classifier.py does`, () => {
    const partOf = (all: Float32Array) =>
      all.slice(i * all.length / count, (i + 1) * all.length / count);
    const grids = { objects: partOf(objects), colours: partOf(colours), side: 8, cell: 16 };
    const found = readGrids(grids, recorded.labels);
    assert.equal(found.length, expected.length);
    for (const [j, seen] of found.entries()) {
      assert.equal(seen.noun, expected[j]!.noun);
      assert.equal(seen.colour, expected[j]!.colour);
      for (const key of ["weight", "x", "y"] as const) {
        assert.ok(Math.abs(seen[key] - expected[j]![key]) < 1e-4, `${key} ${seen[key]}`);
      }
    }
    assert.equal(relationOf(found[0]!, found[1]!), recorded.relations[i]);
  });
}

Deno.test("relationOf() decides ties as scene.py does", () => {
  for (const { dx, dy, arrangement } of recorded.arrangements) {
    assert.equal(relationOf({ x: 50 + dx, y: 50 + dy }, { x: 50, y: 50 }), arrangement);
  }
});
