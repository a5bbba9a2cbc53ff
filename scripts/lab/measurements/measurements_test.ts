/**
 * If this breaks, an experiment draws other requests than its rows say, or misplaces the numbers.
 * Images remember the request that they were drawn by, and scorers read it.
 */
import assert from "node:assert/strict";
import type { PromptToken } from "../../../contract/mod.ts";
import type { Engine } from "../../../gpu-function/jobs/engine.ts";
import type { RgbImage } from "../../../gpu-function/image/rgb.ts";
import type { Estimate } from "../statistics/estimate.ts";
import type { Experiment } from "../experiments/experiment.ts";
import type { Findings } from "../report/findings.ts";
import type { Drawing } from "../drawings/generation_cache.ts";
import type { Laboratory } from "../laboratory/laboratory.ts";
import type { ObservedRun } from "../drawings/observed_runs.ts";
import { promptPairs } from "../prompts/prompt_pair.ts";
import { promptSet } from "../prompts/prompt_set.ts";
import { auto } from "./auto.ts";
import { cutoff } from "./cutoff.ts";
import { eosCount } from "./eos_count.ts";
import { eosSwap } from "./eos_swap.ts";
import { eosWindow } from "./eos_window.ts";
import { textWindow } from "./text_window.ts";
import { tokenClasses } from "./token_classes.ts";

const STEPS = 10;
const HALF = STEPS / 2;
const words = {
  nouns: ["car", "dog", "cat", "bird"],
  colours: ["red", "blue", "green", "pink"],
  textures: ["striped"],
  without_article: [],
};
const lengthOf = (text: string) => text.split(" ").length;

/** Returns the cutoff as experiments write it, an object. */
function cutoffOf({ cutoff }: Drawing) {
  return typeof cutoff === "object" ? cutoff : {};
}

/** Stands in for the alignment of a drawing with a text. */
type Reading = (drawing: Drawing, text: string) => number;

function laboratoryWith(reading: Reading): Laboratory {
  const drawings = new WeakMap<RgbImage, Drawing>();
  const drawingOf = (image: RgbImage) => drawings.get(image)!;
  const set = promptSet(words, ["colour"]);
  const laboratory: Partial<Laboratory> = {
    manifest: {
      id: "m",
      defaults: { num_inference_steps: 50 },
      samplers: ["ddim"],
    } as unknown as Laboratory["manifest"],
    tokenizer: { tokenize } as unknown as Laboratory["tokenizer"],
    cache: {
      holds: () => false,
      image(drawing) {
        // Red is the number of guided steps.
        const cutoff = cutoffOf(drawing);
        const guided = cutoff.guided_steps ?? STEPS - (cutoff.a ?? 0);
        const data = Uint8Array.from({ length: 48 }, (_, i) => i % 3 === 0 ? guided : 0);
        const image = { width: 4, height: 4, data };
        drawings.set(image, drawing);
        return Promise.resolve(image);
      },
    },
    runs: { observe: (drawing) => Promise.resolve(observed(drawing)) },
    scorers: {
      alignment: [{
        name: "score",
        score: (pairs) =>
          Promise.resolve(pairs.map(({ image, text }) => reading(drawingOf(image), text))),
        release: () => Promise.resolve(),
      }],
      similarity: {
        name: "likeness",
        score: (pairs) =>
          Promise.resolve(
            pairs.map(({ image, reference }) =>
              drawingOf(image).seed - drawingOf(reference).seed + 1
            ),
          ),
        release: () => Promise.resolve(),
      },
      classifier: null,
      release: () => Promise.resolve(),
    },
    allPrompts: () => set,
    prompts: (count) => set.slice(0, count),
    pairs: (count) => promptPairs(set, lengthOf).slice(0, count),
    openTimingEngine: () => Promise.resolve(timingEngine),
  };
  return laboratory as Laboratory;
}

/** Reports half of the tolerance as saved. */
function observed(drawing: Drawing): ObservedRun {
  const { auto: { tolerance = 0 } = {} } = cutoffOf(drawing);
  const run = {
    eventsOf: () => [],
    eventOf: () => ({ evaluations: { saved: tolerance / 2 } }),
  };
  return run as unknown as ObservedRun;
}

/** Makes nine positions: [SOS], words, [EOS] and padding. */
function tokenize(text: string, repeats = 1): { tokens: PromptToken[]; length: number } {
  const semantic = lengthOf(text) * repeats;
  const tokens = Array.from({ length: 9 }, (_, position) => ({
    position,
    class: position === 0
      ? "sos"
      : position <= semantic
      ? "semantic"
      : position === semantic + 1
      ? "eos"
      : "padding",
  }));
  return { tokens: tokens as PromptToken[], length: lengthOf(text) + 2 };
}

/** A row takes a millisecond, and all else takes no time. */
const timingEngine = {
  plan: (request: Drawing) => ({ ok: true, value: request }),
  async *generate(drawing: Drawing) {
    const { a = 0 } = cutoffOf(drawing);
    const rows = 2 * STEPS - a;
    yield await Promise.resolve({
      type: "generation.completed",
      timings: { total_ms: rows },
      evaluations: { saved: 1 - rows / (2 * STEPS) },
    });
  },
  close: () => Promise.resolve(),
} as unknown as Engine;

async function findingsOf(
  experiment: Experiment,
  reading: Reading,
  count = 2,
): Promise<Findings> {
  const sizes = { count, seeds: 2, steps: STEPS, attributes: ["colour"] as const };
  return (await experiment.measure(laboratoryWith(reading), sizes)).findings;
}

/** Returns a table's rows as label and rounded values. */
function valuesOf({ tables }: Findings, table = 0): Record<string, (number | string)[]> {
  return Object.fromEntries(tables[table]!.rows.map(({ label, cells }) => [
    label,
    cells.map((cell: Estimate | string) =>
      typeof cell === "string" ? cell : Number(cell.value.toFixed(3))
    ),
  ]));
}

/** Returns the share of the first half of the steps whose [EOS] is that of the text. */
const earlyEos: Reading = ({ prompt, eos_swap }, text) => {
  const { from = 0, to = STEPS } = eos_swap ?? { to: 0 };
  const swapped = Math.max(0, Math.min(to, HALF) - from) / HALF;
  if (text === eos_swap?.prompt) return swapped;
  return text === prompt ? 1 - swapped : 0;
};

Deno.test("eos-swap: words of the source, [EOS] of the target, a third prompt as the floor", async () => {
  const findings = await findingsOf(eosSwap, (drawing, text) => {
    const { scope = "none" } = drawing.eos_swap ?? {};
    const weight = { none: 0, all: 1, first: 0.2, padding: 0.7 }[scope];
    if (text === drawing.eos_swap?.prompt) return weight;
    return text === drawing.prompt ? 1 - weight : -1;
  });
  assert.deepEqual(valuesOf(findings), {
    "un-swapped": [1, -1, -1],
    "[EOS] swapped": [0, 1, -1],
    "first [EOS] swapped": [0.8, 0.2, -1],
    "padding swapped": [0.3, 0.7, -1],
  });
  const [target, nearer, away] = findings.readings.map(({ difference }) => difference.value);
  assert.deepEqual([target, nearer, away], [1, 2, 1]);
});

Deno.test("eos-window: the first k steps count from the noise, the last k to the image", async () => {
  const findings = await findingsOf(eosWindow, earlyEos);
  const [first, last] = [valuesOf(findings, 0), valuesOf(findings, 1)];
  assert.deepEqual(first["0"], [1, 0]);
  assert.deepEqual(first["2"], [0.6, 0.4]);
  assert.deepEqual(first["5"], [0, 1]);
  assert.deepEqual(first["10"], [0, 1]);
  assert.deepEqual(last["5"], [1, 0]);
  assert.deepEqual(last["8"], [0.4, 0.6]);
  assert.deepEqual(last["10"], [0, 1]);
  const byClaim = new Map(findings.readings.map(({ claim, difference }) => [claim, difference]));
  const valueOf = (start: string) =>
    [...byClaim].find(([claim]) => claim.startsWith(start))![1].value.toFixed(3);
  assert.equal(valueOf("in the first 2 steps it does more than in the last 8"), "-0.200");
  assert.equal(valueOf("in the first 5 steps it does more than in the last 5"), "1.000");
  assert.equal(valueOf("in the first 2 steps it does nine tenths"), "-0.500");
});

Deno.test("eos-count: the words are repeated as often as the row says, while they fit", async () => {
  const findings = await findingsOf(
    eosCount,
    ({ prompt, eos_swap, semantic_repeats = 1 }, text) => {
      assert.ok(eos_swap);
      return text === prompt ? semantic_repeats : 10 + semantic_repeats;
    },
  );
  assert.deepEqual(valuesOf(findings), { once: ["5.0", 1, 11], "2 times": ["2.0", 2, 12] });
  assert.deepEqual(findings.readings.map(({ difference }) => difference.value), [-1, 1]);
});

Deno.test("text-window: text in the first k steps or in the last k, against text in all", async () => {
  const findings = await findingsOf(textWindow, (drawing) => {
    const { guided_from = 0, guided_steps = STEPS } = cutoffOf(drawing);
    return Math.max(0, Math.min(guided_from + guided_steps, HALF) - guided_from) / HALF;
  });
  const [first, last] = [valuesOf(findings, 0), valuesOf(findings, 1)];
  // A third of the values differ, each by 10 - k of 255.
  const l1 = (k: number) => Number(((STEPS - k) / 3 / 255).toFixed(3));
  assert.deepEqual(first["3"], [l1(3), 1, 0.6]);
  assert.deepEqual(last["3"], [l1(3), 1, 0]);
  assert.deepEqual(last["8"], [l1(8), 1, 0.6]);
  assert.deepEqual(first["10"], [0, 1, 1]);
  const [byL1, , byText] = findings.readings.map(({ difference }) => difference.value);
  assert.ok(byL1! < 0, "six of ten steps are nearer than four");
  assert.equal(byText!.toFixed(3), "0.600");
});

Deno.test("token-classes: each row replaces the class that it names", async () => {
  const worth = { own: 0, zeros: 1, noise: 2, sos: 3, eos: 4 };
  const findings = await findingsOf(tokenClasses, ({ prompt, token_states = {} }, text) => {
    const { semantic = "own", eos = "own" } = token_states;
    return text === prompt ? 10 * worth[semantic] + worth[eos] : -1;
  });
  assert.deepEqual(valuesOf(findings), {
    "Sem+EOS": [0, -1, 1],
    "Sem+Zero": [1, -1, 1],
    "Sem+Rand": [2, -1, 1],
    "Zero+EOS": [10, -1, 1],
    "Rand+EOS": [20, -1, 1],
    "all [SOS]": [33, -1, 1],
    "[SOS]+[EOS]": [44, -1, 1],
  });
  assert.deepEqual(findings.readings.map(({ difference }) => difference.value), [9, 18, 3, 34, 45]);
});

Deno.test("cutoff: each tail at each a, with what it saves in rows and in time", async () => {
  const tails = { null: 100, cond: 200, delta: 300 };
  const findings = await findingsOf(cutoff, (drawing) => {
    const { a = 0, tail = "null" } = cutoffOf(drawing);
    return tails[tail] + a;
  });
  const rows = valuesOf(findings);
  assert.equal(Object.keys(rows).length, 1 + 5 + 5 + 4);
  const l1 = (a: number) => Number((a / 3 / 255).toFixed(3));
  assert.deepEqual(rows["full"], [0, 1, 100, "0.000", 0]);
  assert.deepEqual(rows["null, a = 10"], [l1(10), 1, 110, "0.500", 0.5]);
  assert.deepEqual(rows["cond, a = 4"], [l1(4), 1, 204, "0.200", 0.2]);
  assert.deepEqual(rows["delta, a = 8"], [l1(8), 1, 308, "0.400", 0.4]);
  assert.equal(rows["delta, a = 10"], undefined);
  assert.equal(findings.readings.at(-1)!.difference.value, -4);
});

Deno.test("auto: tuned on some prompts, held against the fixed cutoff of equal saving on others", async () => {
  const drawn = new Set<string>();
  const findings = await findingsOf(auto, (drawing, text) => {
    drawn.add(text);
    const { auto, a = 0 } = cutoffOf(drawing);
    return auto ? 5 + auto.tolerance! : a;
  });
  const heldOut = promptSet(words, ["colour"]).slice(2, 4).map(({ text }) => text);
  assert.deepEqual([...drawn].sort(), heldOut.sort());
  // The least tolerance that saves 0.3 is 0.6, and a = 6 of 10 saves as much.
  const tuned = ["0.6", 0.3, "a = 6"];
  assert.deepEqual(valuesOf(findings), { null: tuned, cond: tuned, delta: tuned });
  const cond = valuesOf(findings, 2);
  assert.deepEqual(cond["cond, a = 6"]!.slice(0, 1), ["0.300"]);
  assert.deepEqual(cond["cond, a = 6"]!.at(-1), 6);
  assert.deepEqual([cond["cond, auto 1"]![0], cond["cond, auto 1"]!.at(-1)], [0.5, 6]);
  const [saved, , byText] = findings.readings.map(({ difference }) => difference.value);
  assert.deepEqual([saved, byText!.toFixed(3)], [0, "-0.400"]);
});

Deno.test("auto: half of the prompts is the most that can be tuned on", async () => {
  await assert.rejects(findingsOf(auto, () => 0, 9), {
    name: "RangeError",
    message: "--count must be at most 8, half of the prompts that the words allow, given 9",
  });
});
