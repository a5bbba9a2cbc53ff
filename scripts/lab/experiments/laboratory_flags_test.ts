/** A flag that is misread measures something else than what was asked for. */
import assert from "node:assert/strict";
import { isAbsolute } from "node:path";
import { experimentHelp, parseExperimentFlags } from "./laboratory_flags.ts";

const standard = { count: 12, seeds: 3 };
const parse = (...args: readonly string[]) => parseExperimentFlags(args, { standard }, "k");

Deno.test("parseExperimentFlags() fills the experiment's sizes and the model's folders", () => {
  const options = parse()!;
  assert.deepEqual(options.sizes, { count: 12, seeds: 3, steps: null, attributes: ["colour"] });
  assert.match(options.out, /docs\/lab\/mini$/);
  assert.match(options.clip, /scripts\/lab\/scorers\/mini$/);
  assert.equal(options.vqa, options.clip);
  assert.match(options.words, /prompts\/mini\.json$/);
  assert.ok(isAbsolute(options.out) && isAbsolute(options.words));
  const { endpoint, cache, rubric, provider, threads } = options;
  assert.deepEqual([endpoint, cache, rubric], [null, null, "attribute"]);
  assert.deepEqual([provider, threads], ["cpu", 0]);
});

Deno.test("parseExperimentFlags() takes a model without scorers with a CLIP from elsewhere", () => {
  const options = parse("--model", "sd15", "--clip", "/clip", "--attributes", "both")!;
  assert.deepEqual([options.clip, options.vqa], ["/clip", null]);
  assert.match(options.words, /full_size\.json$/);
  assert.deepEqual(options.sizes.attributes, ["colour", "texture"]);
});

Deno.test("parseExperimentFlags() gives the endpoint its key, which is no flag", () => {
  const { endpoint } = parse("--endpoint", "http://h/v1", "--endpoint-model", "m")!;
  assert.deepEqual(endpoint, { baseUrl: "http://h/v1", model: "m", key: "k", temperature: 0.7 });
});

for (
  const [args, message] of [
    [["--count", "1"], '--count must be an integer from 2 to 10000, given "1"'],
    [["--steps", "1"], '--steps must be an integer from 2 to 200, given "1"'],
    [
      ["--attributes", "shape"],
      '--attributes must be one of colour, texture, both, given "shape"',
    ],
    [["--rubric", "x"], '--rubric must be one of attribute, general, given "x"'],
    [
      ["--endpoint", "http://h/v1"],
      '--endpoint must be a URL and come with --endpoint-model, given "http://h/v1" and null',
    ],
    [
      ["--endpoint", "h", "--endpoint-model", "m"],
      '--endpoint must be a URL and come with --endpoint-model, given "h" and "m"',
    ],
    [
      ["--model", "sd15"],
      "--clip must be the folder of a CLIP as ONNX, since sd15 has no scorers of its own",
    ],
  ] as const
) {
  Deno.test(`parseExperimentFlags() refuses ${args.join(" ")} in one sentence`, () => {
    assert.throws(() => parse(...args), { name: "UsageError", message });
  });
}

Deno.test("help names every flag and the sizes that hold without them", () => {
  assert.equal(parse("--help"), null);
  const help = experimentHelp({
    name: "x",
    title: "",
    question: "Why?",
    counted: "prompts",
    standard,
    measure: () => Promise.reject(new Error("not run")),
  });
  assert.match(help, /^Usage: deno task lab x \[flags\]\nWhy\?\n/);
  assert.match(help, /Default: 12 prompts, 3 seeds each\./);
});
