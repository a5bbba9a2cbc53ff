// If this breaks, a list sets another field than typed, and the sheet shows the wrong images.
import assert from "node:assert/strict";
import { parseSweepCommandLine } from "./sweep_flags.ts";

const parse = (...args: readonly string[]) => {
  const { sweep } = parseSweepCommandLine(["a blue bird", "--seed", "7", ...args]);
  assert(sweep);
  return sweep;
};

Deno.test("parseSweepCommandLine() makes a branch of each setting", () => {
  const row = parse("--a", "0,5, 10", "--steps", "50");
  assert.deepEqual(row.branches.map(({ cutoff }) => cutoff?.a), [0, 5, 10]);
  assert.deepEqual([row.base.seed, row.base.num_inference_steps], [7, 50]);
  assert.equal(row.base.previews.every, 0);
  const steps = parse("--guided-steps=50,25");
  assert.deepEqual(steps.branches.map(({ cutoff }) => cutoff?.guided_steps), [50, 25]);
  const tails = parse("--a", "25", "--tail", "null,cond,delta");
  assert.deepEqual(tails.branches.map(({ cutoff }) => [cutoff?.a, cutoff?.tail]), [
    [25, "null"],
    [25, "cond"],
    [25, "delta"],
  ]);
  const windows = parse("--eos-swap", "a brown chair", "--eos-window", "0-25,25-50");
  assert.deepEqual(windows.branches.map(({ eos_swap }) => [eos_swap?.from, eos_swap?.to]), [
    [0, 25],
    [25, 50],
  ]);
});

const REFUSALS: readonly [args: string[], sentence: RegExp][] = [
  [["--a", "5"], /exactly one list of settings, given none/],
  [["--a", "0,5", "--tail", "null,cond"], /exactly one list of settings, given --a and --tail/],
  [["--a", "0,x"], /--a takes numbers, given "x"/],
  [["--a", "0,"], /--a takes numbers, given ""/],
  [["--a", "0,-5"], /cutoffs\.1\.a must be an integer from 0 to 200, given -5/],
  [["--eos-swap", "a chair", "--eos-window", "5"], /windows such as 0-25, given 5/],
  [["--tail", "null,cond"], /base\.cutoff must be present where tails are varied/],
  [["--a", "0,5", "--colour", "red"], /--colour/],
];

for (const [args, sentence] of REFUSALS) {
  Deno.test(`parseSweepCommandLine() refuses ${args.join(" ")}`, () => {
    assert.throws(() => parseSweepCommandLine(["a blue bird", ...args]), sentence);
  });
}

Deno.test("parseSweepCommandLine() wants nothing else where help is asked for", () => {
  assert.equal(parseSweepCommandLine(["--help"]).sweep, null);
});
