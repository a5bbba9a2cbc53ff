// A request that names no model must mean one that is installed.
import assert from "node:assert/strict";
import { MANIFEST, planningModel } from "../../contract/fixtures/planning_model.ts";
import type { PromptPolicy } from "../policy/prompt_policy.ts";
import { type ModelCatalog, planRequest, planSweepRequest } from "./planning.ts";

const LENIENT: PromptPolicy = { refusalOf: () => null, refusalOfSweep: () => null };
const ASKER = { account: "anonymous:1", keyed: false };

function portsOf(...ids: string[]) {
  const models: ModelCatalog = {
    list: () => Promise.resolve(ids.map((id) => ({ ...MANIFEST, id }))),
    find: (id) =>
      Promise.resolve(
        ids.includes(id) ? { ...planningModel(), manifest: { ...MANIFEST, id } } : null,
      ),
  };
  return { models, promptPolicy: LENIENT, drawSeed: () => 7 };
}

const CASES: readonly [installed: string[], asked: object, expected: string | RegExp][] = [
  [["mini"], {}, "mini"],
  [["large", "mini"], {}, "mini"],
  [["large"], {}, "large"],
  [["large", "other"], {}, "large"],
  [["large", "other"], { model: "other" }, "other"],
  [["large"], { model: "mini" }, /model must be one of large, given "mini"/],
  [["large"], { model: 5 }, /model must be the id of an installed model/],
  [[], {}, /model must be one of/],
];

for (const [installed, asked, expected] of CASES) {
  Deno.test(`With [${installed}] installed a request with ${JSON.stringify(asked)} means ${expected}`, async () => {
    const body = { prompt: "blue bird", ...asked };
    const single = await planRequest(portsOf(...installed), body, ASKER);
    const sweep = { base: body, cutoffs: [{ a: 0 }, { a: 1 }] };
    const several = await planSweepRequest(portsOf(...installed), sweep, ASKER);
    const models = [
      single.ok ? single.value.plan.model : single.problem.detail,
      ...several.ok
        ? several.value.branches.map(({ plan }) => plan.model)
        : [several.problem.detail],
    ];
    for (const model of models) {
      if (typeof expected === "string") assert.equal(model, expected);
      else assert.match(model, expected);
    }
  });
}

for (const input of [null, [], "text", { base: null }, { cutoffs: [{ a: 0 }] }]) {
  Deno.test(`A body that is ${JSON.stringify(input)} is refused as itself`, async () => {
    assert.equal((await planRequest(portsOf("large"), input, ASKER)).ok, false);
    assert.equal((await planSweepRequest(portsOf("large"), input, ASKER)).ok, false);
  });
}
