/** The judge sees which objects are where, in which colours. It is trained only on real renders. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import type { RgbImage } from "../../../../gpu-function/image/rgb.ts";
import type { Fetched } from "../../../../gpu-function/onnx/graph.ts";
import { loadSession, type OnnxSession } from "../../../../gpu-function/onnx/session.ts";
import { type ClassifierLabels, readGrids, type Seen } from "./grid_reading.ts";
import { inBatches, pixelFeed, type Scorer, SESSION_OPTIONS } from "../scorer.ts";

const labelsJson = v.strictObject({
  objects: v.pipe(v.array(v.string()), v.minLength(2)),
  colours: v.pipe(v.array(v.string()), v.minLength(1)),
});

export interface Classifier extends Scorer<RgbImage, readonly Seen[]> {
  readonly labels: ClassifierLabels;
  /** Side of the images that it takes. */
  readonly side: number;
}

/** @throws RangeError naming the file of `folder` that is missing or does not fit */
export async function loadClassifier(folder: string): Promise<Classifier> {
  const labels = await readLabels(join(folder, "labels.json"));
  const session = await openClassifier(join(folder, "classifier.onnx"), labels);
  const side = session.inputShape("pixels").at(-1) ?? 0;
  return {
    labels,
    side,
    score: (images) => inBatches(images, (batch) => readBatch(batch, { session, labels, side })),
    release: () => session.release(),
  };
}

async function readLabels(file: string): Promise<ClassifierLabels> {
  try {
    return v.parse(labelsJson, JSON.parse(await readFile(file, "utf8")));
  } catch (cause) {
    throw new RangeError(
      `${file} must list objects and colours; \`python train.py export\` writes it`,
      { cause },
    );
  }
}

async function openClassifier(file: string, labels: ClassifierLabels): Promise<OnnxSession> {
  const grid = (name: string, classes: number) => ({
    name,
    types: ["float32"] as const,
    shapes: [[null, classes, null, null]],
  });
  return await loadSession(file, {
    inputs: [{ name: "pixels", types: ["float32"], shapes: [[null, 3, null, null]] }],
    outputs: [
      grid("object_logits", labels.objects.length),
      grid("colour_logits", labels.colours.length),
    ],
  }, SESSION_OPTIONS);
}

async function readBatch(
  images: readonly RgbImage[],
  { session, labels, side }: {
    readonly session: OnnxSession;
    readonly labels: ClassifierLabels;
    readonly side: number;
  },
): Promise<Seen[][]> {
  const { value } = await session.run({ pixels: pixelFeed(images, side) });
  const { object_logits, colour_logits } = value;
  const cells = object_logits?.shape.at(-1) ?? 0;
  return images.map((_, i) =>
    readGrids({
      objects: imageOf(object_logits, i),
      colours: imageOf(colour_logits, i),
      side: cells,
      cell: side / cells,
    }, labels)
  );
}

function imageOf(fetched: Fetched | undefined, index: number): Float32Array {
  const { data = new Float32Array(), shape = [1] } = fetched ?? {};
  const size = data.length / (shape[0] ?? 1);
  return data.subarray(index * size, (index + 1) * size);
}
