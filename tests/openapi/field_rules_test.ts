// Broken here: the words of what a field allows change, which clients have in logs and tests.
import assert from "node:assert/strict";
import { FIELD_RULES, parseGenerationRequest, SWEEP_RULES } from "../../contract/mod.ts";
import { IMAGE_FIELD_RULES } from "../../edge/dialects/openai/image_request.ts";
import RECORDED from "./fixtures/field_rules.json" with { type: "json" };

const RULES = { generation: FIELD_RULES, sweep: SWEEP_RULES, image: IMAGE_FIELD_RULES };

for (const [name, recorded] of Object.entries(RECORDED)) {
  Deno.test(`the rules of a ${name} are those recorded, in their order`, () => {
    const rules: Readonly<Record<string, string>> = new Map(Object.entries(RULES)).get(name) ?? {};
    assert.deepEqual(Object.entries(rules), Object.entries(recorded));
  });
}

const ALLOWED_NOWHERE = -0.5;

Deno.test("each rule of a generation is what its refusal says", () => {
  for (const [path, rule] of Object.entries(FIELD_RULES)) {
    const wrong = path.split(".").reduceRight<unknown>(
      (inner, name) => name === "*" ? [inner] : name === "" ? inner : { [name]: inner },
      ALLOWED_NOWHERE,
    );
    const parsed = parseGenerationRequest(wrong);
    assert(!parsed.ok);
    const issue = parsed.problem.errors?.find(({ field }) => field === path.replace("*", "0"));
    assert.equal(issue?.allowed, rule, path);
  }
});
