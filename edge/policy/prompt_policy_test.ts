// If this breaks, an unwanted prompt is drawn by way of an unchecked field.
import assert from "node:assert/strict";
import { parseGenerationRequest, parseSweepRequest, type Problem } from "../../contract/mod.ts";
import { readPolicySettings } from "./policy_settings.ts";
import { promptPolicyOf } from "./prompt_policy.ts";

const policy = promptPolicyOf(readPolicySettings({ BLOCKLIST: "weasel, sly fox" }));

function refusalOf(request: object): Problem | null {
  const parsed = parseGenerationRequest({ prompt: "a bird", ...request });
  assert(parsed.ok);
  return policy.refusalOf(parsed.value);
}

Deno.test("every text that is drawn is looked at, and none that is steered away from", () => {
  const fieldsOf = (request: object) => refusalOf(request)?.errors?.map(({ field }) => field);
  assert.equal(refusalOf({}), null);
  assert.deepEqual(fieldsOf({ prompt: "a wеasel" }), ["prompt"]);
  assert.deepEqual(fieldsOf({ eos_swap: { prompt: "sly fox" } }), ["eos_swap.prompt"]);
  const both = { prompt: "weasel", eos_swap: { prompt: "sly fox" } };
  assert.deepEqual(fieldsOf(both), ["prompt", "eos_swap.prompt"]);
  assert.equal(refusalOf({ negative_prompt: "weasel" }), null);
});

Deno.test("a refusal is one sentence, without a word of the prompt", () => {
  const refusal = refusalOf({ prompt: "the weasel of the north" });
  assert.deepEqual([refusal?.status, refusal?.code], [422, "prompt_refused"]);
  assert.doesNotMatch(JSON.stringify(refusal), /weasel|north/);
});

Deno.test("a sweep is refused for what its branches draw, under the base and once", () => {
  const base = { prompt: "a weasel", eos_swap: { prompt: "a sly fox" } };
  const eos_windows = [{ from: 0, to: 1 }, { from: 1, to: 2 }];
  const parsed = parseSweepRequest({ base, eos_windows });
  assert(parsed.ok);
  const fields = policy.refusalOfSweep(parsed.value)?.errors?.map(({ field }) => field);
  assert.deepEqual(fields, ["base.prompt", "base.eos_swap.prompt"]);
  const branches = parsed.value.branches.map((branch, i) =>
    i === 1 ? branch : { ...branch, prompt: "a bird", eos_swap: undefined }
  );
  const other = { ...parsed.value, base: branches[0]!, branches };
  assert.equal(policy.refusalOfSweep(other)?.code, "prompt_refused");
});

Deno.test("a text that takes too much to read is refused in a sentence, each of its fields once", () => {
  const long = "ﷺ".repeat(4_000);
  const message =
    / must be text that its policy can read in full: at most 16000 characters .* given text with more readings/;
  for (
    const [request, fields] of [
      [{ prompt: long }, ["prompt"]],
      [{ eos_swap: { prompt: long } }, ["eos_swap.prompt"]],
      [{ prompt: long, eos_swap: { prompt: long } }, ["prompt", "eos_swap.prompt"]],
      [{ prompt: long, eos_swap: { prompt: "weasel" } }, ["prompt", "eos_swap.prompt"]],
      [{ negative_prompt: long }, undefined],
    ] as const
  ) {
    const refusal = refusalOf(request);
    assert.deepEqual(refusal?.errors?.map(({ field }) => field), fields);
    if (fields) assert.match(refusal?.errors?.[0]?.message ?? "", message);
  }
});
