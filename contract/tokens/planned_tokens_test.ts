// Broken here: a replacement lands on the wrong class, or comes before the swap.
/// <reference lib="deno.ns" />
import assert from "node:assert/strict";
import { planningModel } from "../fixtures/planning_model.ts";
import { planTokens, spellStateSources, stateSources, type TokenStates } from "../mod.ts";

const { tokens } = planningModel().tokenizer.tokenize("a bird");
const SWAP = [null, null, null, 5, 6, 7, 7, 7];
const NONE: TokenStates = { sos: null, semantic: null, eos: null };
const spell = (states: Partial<TokenStates>, swapped = false) =>
  spellStateSources(stateSources(planTokens(tokens, SWAP, { ...NONE, ...states }), swapped))
    .map((source) => source.replace("prompt", "A").replace("eos_swap", "B")).join(", ");

Deno.test("stateSources() is the prompt itself, or the other one's while it is swapped", () => {
  assert.equal(spell({}), "A 0, A 1, A 2, A 3, A 4, A 5, A 6, A 7");
  assert.equal(spell({}, true), "A 0, A 1, A 2, B 5, B 6, B 7, B 7, B 7");
});

Deno.test("stateSources() replaces one class, padding going with [EOS]", () => {
  assert.equal(spell({ sos: "zeros" }), "zeros, A 1, A 2, A 3, A 4, A 5, A 6, A 7");
  assert.equal(spell({ semantic: "noise" }), "A 0, noise, noise, A 3, A 4, A 5, A 6, A 7");
  assert.equal(spell({ eos: "zeros" }), "A 0, A 1, A 2, zeros, zeros, zeros, zeros, zeros");
});

Deno.test("stateSources() makes the paper's rows of [SOS] alone, and of [SOS] and [EOS]", () => {
  assert.equal(
    spell({ semantic: "sos", eos: "sos" }),
    "A 0, A 0, A 0, A 0, A 0, A 0, A 0, A 0",
  );
  assert.equal(
    spell({ semantic: "eos", eos: "eos" }),
    "A 0, A 3, A 3, A 3, A 3, A 3, A 3, A 3",
  );
});

Deno.test("stateSources() swaps first and replaces then", () => {
  assert.equal(spell({ semantic: "eos" }, true), "A 0, B 5, B 5, B 5, B 6, B 7, B 7, B 7");
  assert.equal(
    spell({ semantic: "eos", eos: "zeros" }, true),
    "A 0, B 5, B 5, zeros, zeros, zeros, zeros, zeros",
  );
});

Deno.test("planTokens() calls a state its own where it would replace itself", () => {
  const states = planTokens(tokens, null, { ...NONE, eos: "eos" }).map(({ state }) => state);
  assert.deepEqual(states, ["own", "own", "own", "own", "eos", "eos", "eos", "eos"]);
});
