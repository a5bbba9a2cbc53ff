/** If renders and labels are mixed up, the judge is validated on wrong labels. */
import assert from "node:assert/strict";
import { join } from "node:path";
import sharp from "sharp";
import { loadReferences } from "./references.ts";

const SHEETS = [["held_out", 2, [1, 2, 3]], ["variety", 2, [4, 5, 6]], ["training", 1, [
  7,
  8,
  9,
  10,
]]] as const;
const INDEX = {
  tile: 2,
  columns: 2,
  held_out: [
    { caption: "a cup", objects: [{ noun: "cup", colour: null, x: 1, y: 1.5 }] },
    { caption: "a red key", objects: [{ noun: "key", colour: "red", x: 0, y: 1 }] },
    {
      caption: "a cup above a key",
      objects: [{ noun: "cup", colour: null, x: 1, y: 0 }, {
        noun: "key",
        colour: null,
        x: 1,
        y: 2,
      }],
    },
  ],
  variety: [{ prompt: "a cup", count: 1 }, { prompt: "a key", count: 2 }],
  training: {
    tile: 1,
    columns: 2,
    prompts: [{ prompt: "a cup", count: 2, held_out: 1 }, {
      prompt: "a key",
      count: 0,
      held_out: 1,
    }],
  },
};

/** Writes a sheet of plain red tiles in two columns. */
async function writeSheet(file: string, tile: number, reds: readonly number[]): Promise<void> {
  const rows = Math.ceil(reds.length / 2);
  const sheet = sharp({
    create: { width: 2 * tile, height: rows * tile, channels: 3, background: "white" },
  });
  const parts = await Promise.all(reds.map(async (r, i) => ({
    input: await sharp({
      create: { width: tile, height: tile, channels: 3, background: { r, g: 0, b: 0 } },
    }).png().toBuffer(),
    left: (i % 2) * tile,
    top: Math.floor(i / 2) * tile,
  })));
  await sheet.composite(parts).webp({ lossless: true }).toFile(file);
}

async function writeReferences(index: unknown): Promise<string> {
  const folder = await Deno.makeTempDir();
  for (const [name, tile, reds] of SHEETS) {
    await writeSheet(join(folder, `${name}.webp`), tile, reds);
  }
  await Deno.writeTextFile(join(folder, "references.json"), JSON.stringify(index));
  return folder;
}

Deno.test("loadReferences() gives every render its own labels", async () => {
  const folder = await writeReferences(INDEX);
  const { heldOut, variety, training } = await loadReferences(folder);
  const reds = (images: readonly { data: Uint8Array }[]) => images.map(({ data }) => data[0]);
  assert.deepEqual(reds(heldOut.map(({ image }) => image)), [1, 2, 3]);
  assert.deepEqual(heldOut.map(({ caption }) => caption), INDEX.held_out.map((h) => h.caption));
  assert.deepEqual(variety.map(({ prompt, images }) => [prompt, ...reds(images)]), [
    ["a cup", 4],
    ["a key", 5, 6],
  ]);
  assert.equal(training.tile, 1);
  assert.deepEqual(training.prompts.map((p) => [reds(p.shown), reds(p.heldOut)]), [
    [[7, 8], [9]],
    [[], [10]],
  ]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("loadReferences() names the file that is missing or wrong", async () => {
  const folder = await writeReferences({ ...INDEX, tile: "2" });
  await assert.rejects(loadReferences(folder), {
    name: "RangeError",
    message: /references\.json: tile: /,
  });
  await Deno.writeTextFile(join(folder, "references.json"), JSON.stringify(INDEX));
  await Deno.remove(join(folder, "variety.webp"));
  await assert.rejects(loadReferences(folder), { name: "RangeError", message: /variety\.webp/ });
  await Deno.remove(join(folder, "references.json"));
  await assert.rejects(loadReferences(folder), { name: "RangeError", message: /references\.py/ });
  await Deno.remove(folder, { recursive: true });
});
