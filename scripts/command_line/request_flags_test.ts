import assert from "node:assert/strict";
import { ProblemError } from "../../contract/mod.ts";
import { modelsFolder } from "./models_folder.ts";
import { parseCommandLine, REQUEST_HELP } from "./request_flags.ts";
import { UsageError } from "./command_line.ts";

Deno.test("parseCommandLine turns flags into the request of the API", () => {
  const { request } = parseCommandLine(
    ["a blue bird", "--cutoff", "0.5", "--tail", "cond", "--eos-swap", "a chair", "--eos-to", "30"],
  );
  assert.deepEqual(request?.cutoff, {
    guided_fraction: 0.5,
    guided_from: 0,
    head: "null",
    tail: "cond",
  });
  assert.deepEqual(request?.eos_swap, {
    prompt: "a chair",
    to: 30,
    scope: "all",
    align: "ordinal",
  });
  assert.equal(request?.prompt, "a blue bird");
  assert.deepEqual(request?.previews, { every: 5, method: "projection" });
});

Deno.test("parseCommandLine takes an automatic cutoff with or without its bounds", () => {
  const cutoffOf = (...flags: string[]) => parseCommandLine(["x", ...flags]).request?.cutoff;
  const rest = { guided_from: 0, head: "null", tail: "null" };
  assert.deepEqual(cutoffOf("--cutoff", "auto"), { auto: {}, ...rest });
  assert.deepEqual(cutoffOf("--cutoff", "auto", "--tolerance", "0.3", "--max-steps", "30"), {
    auto: { tolerance: 0.3, max_steps: 30 },
    ...rest,
  });
  assert.deepEqual(cutoffOf("--min-steps", "4"), { auto: { min_steps: 4 }, ...rest });
});

Deno.test("parseCommandLine has a flag for every control", () => {
  const flags: Record<string, string> = {
    a: "3",
    "guided-from": "2",
    head: "cond",
    tail: "delta",
    "eos-swap": "a chair",
    "eos-from": "1",
    "eos-to": "4",
    "eos-scope": "first",
    "eos-align": "absolute",
    "sos-state": "zeros",
    "semantic-state": "sos",
    "eos-state": "noise",
    "semantic-repeats": "5",
    insights: "guidance,attention",
    "low-fraction": "0.3",
    "convergence-level": "0.8",
  };
  const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]);
  const { request } = parseCommandLine(["a bird", ...args]);
  assert.deepEqual(request?.cutoff, { a: 3, guided_from: 2, head: "cond", tail: "delta" });
  assert.deepEqual(request?.eos_swap, {
    prompt: "a chair",
    from: 1,
    to: 4,
    scope: "first",
    align: "absolute",
  });
  assert.deepEqual(request?.token_states, { sos: "zeros", semantic: "sos", eos: "noise" });
  assert.equal(request?.semantic_repeats, 5);
  assert.deepEqual(request?.insights, ["guidance", "attention"]);
  assert.deepEqual(request?.insight_options, { low_fraction: 0.3, convergence_level: 0.8 });
  for (const name of Object.keys(flags)) assert.ok(REQUEST_HELP.includes(`--${name}`), name);
});

Deno.test("parseCommandLine gives no request when help is asked for", () => {
  assert.equal(parseCommandLine(["--help"]).request, null);
});

const REFUSED: readonly (readonly [
  readonly string[],
  typeof UsageError | typeof ProblemError,
  RegExp,
])[] = [
  [["a", "--nope", "1"], UsageError, /Unknown option '--nope'; see --help/],
  [["a", "--steps"], UsageError, /--steps/],
  [
    ["a", "--steps", "-1"],
    UsageError,
    /^--steps needs a value; .* given as --steps=-1; see --help$/,
  ],
  [["a", "--steps", "ten"], UsageError, /--steps must be a number, given "ten"/],
  [["a", "--seed", ""], UsageError, /--seed must be a number, given ""/],
  [["a", "b"], UsageError, /exactly one prompt, in quotes, given 2/],
  [[], UsageError, /exactly one prompt, in quotes, given 0/],
  [["a", "--steps", "900"], ProblemError, /num_inference_steps must be an integer from 1 to 200/],
  [
    ["a", "--a", "3", "--cutoff", "0.2"],
    ProblemError,
    /cutoff must be "auto", or an object with exactly one/,
  ],
  [["a", "--a", "3", "--tolerance", "1"], ProblemError, /cutoff must be "auto", or an object with/],
  [["a", "--tail", "delta"], ProblemError, /cutoff must be "auto", or an object with exactly one/],
  [["a", "--eos-state", "none"], ProblemError, /token_states\.eos must be "zeros", "noise", "sos"/],
  [["a", "--semantic-repeats", "0"], ProblemError, /semantic_repeats must be an integer from 1/],
  [["a", "--eos-to", "3"], ProblemError, /eos_swap\.prompt must be/],
];

for (const [args, kind, sentence] of REFUSED) {
  Deno.test(`parseCommandLine refuses ${JSON.stringify(args)}`, () => {
    assert.throws(() => parseCommandLine(args), (error) => {
      assert.ok(error instanceof kind, String(error));
      assert.match(error.message, sentence);
      return true;
    });
  });
}

Deno.test("modelsFolder refuses a folder that is not there", () => {
  assert.throws(
    () => modelsFolder("/no/such"),
    new UsageError(
      'The folder of models must exist, given "/no/such"',
    ),
  );
});
