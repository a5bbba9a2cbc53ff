/** If this breaks, colours seen in training pass for compositions that were not. */
import assert from "node:assert/strict";
import { isPair, loadPrompts } from "../../prompts/evaluation_prompt.ts";
import { withheldColour } from "./withheld_colour.ts";

// The order is that of colour.NAMES of scripts/training/train, then "natural" as in labels.json.
const COLOURS = [
  "red",
  "orange",
  "yellow",
  "green",
  "blue",
  "purple",
  "pink",
  "brown",
  "black",
  "white",
  "natural",
];

Deno.test("each object's first prompt asks for its withheld colour, no other one does", async () => {
  const singles = (await loadPrompts()).filter((prompt) => !isPair(prompt));
  const nouns = [...new Set(singles.slice(0, 110).map(({ objects }) => objects[0]!))];
  const labels = { objects: ["background", ...nouns], colours: COLOURS };
  const withheld = singles.map(({ objects, colours }) =>
    withheldColour(labels, objects[0]!) === colours[0]
  );
  assert.equal(nouns.length, 110);
  assert.deepEqual(withheld, singles.map((_, i) => i < 110));
  assert.equal(withheldColour(labels, "background"), null);
  assert.equal(withheldColour(labels, "unheard of"), null);
});
