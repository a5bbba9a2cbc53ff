/// <reference lib="deno.ns" />
// Broken here: a refusal names the wrong path, which sends a client to the wrong field.
import assert from "node:assert/strict";
import { parseSweepRequest } from "../mod.ts";

const base = { model: "fixture", prompt: "a blue bird" };
const swap = { ...base, eos_swap: { prompt: "a brown chair" } };

Deno.test("parseSweepRequest() puts each setting into a request of its own", () => {
  const cutoffs = parseSweepRequest({
    base,
    cutoffs: [{ a: 0 }, { guided_steps: 5, tail: "cond" }],
  });
  assert(cutoffs.ok);
  assert.deepEqual(cutoffs.value.branches.map(({ cutoff }) => [cutoff?.a, cutoff?.tail]), [
    [0, "null"],
    [undefined, "cond"],
  ]);
  const cut = { ...base, cutoff: { a: 4, tail: "cond" } };
  const tails = parseSweepRequest({ base: cut, tails: ["null", "delta"] });
  assert(tails.ok);
  assert.deepEqual(tails.value.branches.map(({ cutoff }) => [cutoff?.a, cutoff?.tail]), [
    [4, "null"],
    [4, "delta"],
  ]);
  const windows = [{ from: 0, to: 5 }, { from: 5, to: 20 }];
  const eos = parseSweepRequest({ base: swap, eos_windows: windows });
  assert(eos.ok);
  assert.deepEqual(
    eos.value.branches.map(({ eos_swap }) => [eos_swap?.prompt, eos_swap?.from, eos_swap?.to]),
    [["a brown chair", 0, 5], ["a brown chair", 5, 20]],
  );
});

const REFUSALS: readonly [name: string, body: unknown, field: string, sentence: RegExp][] = [
  ["no object", [], "", /^body must be a JSON object with a base and exactly one of/],
  ["no base", { cutoffs: [{ a: 0 }, { a: 1 }] }, "base", /^base must be a JSON object, .*nothing$/],
  ["nothing varied", { base }, "", /exactly one of cutoffs, tails, eos_windows/],
  [
    "two things varied",
    { base: { ...base, cutoff: { a: 1 } }, cutoffs: [{ a: 0 }, { a: 1 }], tails: ["null", "cond"] },
    "",
    /exactly one of/,
  ],
  [
    "an unknown field",
    { base, cutoffs: [{ a: 0 }, { a: 1 }], x: 1 },
    "x",
    /known are base, cutoffs/,
  ],
  ["one branch", { base, cutoffs: [{ a: 0 }] }, "cutoffs", /a list of 2 to 16 .*given 1 of them$/],
  [
    "17 branches",
    { base, cutoffs: Array(17).fill({ a: 0 }) },
    "cutoffs",
    /a list of 2 to 16 cutoffs, given 17 of them$/,
  ],
  ["no list", { base, cutoffs: { a: 0 } }, "cutoffs", /^cutoffs must be a list/],
  [
    "a wrong base",
    { base: { ...base, seed: -1 }, cutoffs: [{ a: 0 }, { a: 1 }] },
    "base.seed",
    /^base\.seed must be an integer from 0 to/,
  ],
  [
    "a wrong setting",
    { base, cutoffs: [{ a: 0 }, { a: 1 }, { a: -1 }] },
    "cutoffs.2.a",
    /^cutoffs\.2\.a must be an integer from 0 to 200, given -1$/,
  ],
  [
    "an unknown field of a setting",
    { base, cutoffs: [{ a: 0 }, { a: 1, b: 2 }] },
    "cutoffs.1.b",
    /^cutoffs\.1\.b is not a known field, known are cutoffs\.1\.guided_steps/,
  ],
  [
    "a setting that is none",
    { base, cutoffs: [{ a: 0 }, 7] },
    "cutoffs.1",
    /^cutoffs\.1 must be .*an object with exactly one of guided_steps/,
  ],
  ["tails of nothing", { base, tails: ["null", "cond"] }, "base.cutoff", /present where tails/],
  [
    "an unknown tail",
    { base: { ...base, cutoff: { a: 4 } }, tails: ["null", "text"] },
    "tails.1",
    /^tails\.1 must be "null", "cond" or "delta", given "text"$/,
  ],
  [
    "windows of nothing",
    { base, eos_windows: [{ from: 0, to: 1 }, { from: 1, to: 2 }] },
    "base.eos_swap",
    /present where eos_windows/,
  ],
  [
    "a window that brings a prompt",
    { base: swap, eos_windows: [{ from: 0, to: 1 }, { from: 1, to: 2, prompt: "a" }] },
    "eos_windows.1",
    /an object with the steps from and to/,
  ],
  [
    "half a step in a window",
    { base: swap, eos_windows: [{ from: 0.5, to: 1 }, { from: 1, to: 2 }] },
    "eos_windows.0.from",
    /^eos_windows\.0\.from must be an integer/,
  ],
];

for (const [name, body, field, sentence] of REFUSALS) {
  Deno.test(`parseSweepRequest() refuses ${name}`, () => {
    const parsed = parseSweepRequest(body);
    assert(!parsed.ok);
    const issue = parsed.problem.errors?.find((candidate) => candidate.field === field);
    assert(issue, JSON.stringify(parsed.problem.errors));
    assert.match(issue.message, sentence);
    assert.equal(parsed.problem.code, "invalid_request");
  });
}
