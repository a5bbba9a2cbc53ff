/** Goes from image to verdict through true onnxruntime, on a graph from fixtures/record.py. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { loadClassifier } from "./classifier.ts";

const COLOURS = ["red", "green", "blue", ...Array.from({ length: 8 }, (_, i) => `other ${i}`)];

async function folderWith(labels: unknown): Promise<string> {
  const folder = await Deno.makeTempDir();
  const graph = join(import.meta.dirname!, "../fixtures/tiny_classifier.onnx");
  await Deno.copyFile(graph, join(folder, "classifier.onnx"));
  await Deno.writeTextFile(join(folder, "labels.json"), JSON.stringify(labels));
  return folder;
}

/** Makes a red image with one green and one blue cell at the given places. */
function imageWith(green: number, blue: number) {
  const data = new Uint8Array(3 * 128 * 128);
  for (let i = 0; i < 128 * 128; i++) {
    const cell = 8 * Math.floor(i / (128 * 16)) + Math.floor(i % 128 / 16);
    data[3 * i + (cell === green ? 1 : cell === blue ? 2 : 0)] = 255;
  }
  return { width: 128, height: 128, data };
}

Deno.test("loadClassifier() reads each image of a batch with its own verdict", async () => {
  const folder = await folderWith({ objects: ["background", "ball", "cup"], colours: COLOURS });
  const classifier = await loadClassifier(folder);
  assert.equal(classifier.side, 128);
  const images = Array.from(
    { length: 51 },
    (_, i) => i % 25 === 0 ? imageWith(63, -1) : imageWith(-1, 8),
  );
  const found = await classifier.score(images);
  assert.equal(found.length, 51);
  // Each object has e^2 / (e^2 + 2) of a cell where its colour is, and 1 / (e^2 + 2) elsewhere.
  const [weak, strong] = [1, Math.exp(2)].map((part) => part / (Math.exp(2) + 2)) as [
    number,
    number,
  ];
  const [first] = found[49]!;
  const [last] = found[50]!;
  assert.equal(first?.noun, "cup");
  assert.deepEqual(found.flatMap(([seen], i) => seen?.noun === "ball" ? [i] : []), [0, 25, 50]);
  assert.equal(last?.noun, "ball");
  assert.ok(Math.abs(last!.weight - (63 * weak + strong)) < 1e-4);
  // The ball's cell is the last one, the cup's the first of the second row.
  assert.ok(last!.x > 64 && last!.y > 64 && first!.x < 64 && first!.y < 64);
  assert.ok(Math.abs(last!.x - last!.y) < 1e-3 && first!.x < first!.y);
  assert.equal(last?.colour, "red");
  await assert.rejects(classifier.score([{ width: 1, height: 2, data: new Uint8Array(6) }]), {
    message: "The scorers take images of 128x128, given 1x2",
  });
  await classifier.release();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("loadClassifier() refuses labels that do not fit the graph, and says which file", async () => {
  const folder = await folderWith({ objects: ["background", "ball"], colours: COLOURS });
  await assert.rejects(loadClassifier(folder), { name: "RangeError", message: /classifier\.onnx/ });
  await Deno.writeTextFile(join(folder, "labels.json"), "{}");
  await assert.rejects(loadClassifier(folder), { name: "RangeError", message: /labels\.json/ });
  await Deno.remove(folder, { recursive: true });
});
