/** mini's classifier answers questions: yes is 1, no is 0. */
import type { Classifier } from "../judge/classifier.ts";
import type { ClassifierLabels, Seen } from "../judge/grid_reading.ts";
import type { Answerer } from "./visual_questions.ts";

export interface AskedThing {
  readonly noun: string;
  /** Colour in the words; null when they name none. */
  readonly colour: string | null;
}

/** The classifier knows objects and colours, and ignores other words, such as textures. */
export function classifierAnswers({ labels, score, release }: Classifier): Answerer {
  return {
    name: "VQA",
    async answer(questions) {
      const images = [...new Set(questions.map(({ image }) => image))];
      const seen = await score(images);
      const seenOf = new Map(images.map((image, i) => [image, seen[i]!]));
      return questions.map(({ image, thing }) =>
        shows(seenOf.get(image)!, askedThing(thing, labels)) ? 1 : 0
      );
    },
    release,
  };
}

/** @throws RangeError when no word is an object of the labels */
export function askedThing(thing: string, { objects, colours }: ClassifierLabels): AskedThing {
  const words = thing.toLowerCase().split(/\s+/);
  const noun = words.findLast((word) => objects.indexOf(word) > 0);
  if (noun === undefined) {
    throw new RangeError(
      `The classifier must be asked about one of its ${
        objects.length - 1
      } objects, given "${thing}"`,
    );
  }
  return { noun, colour: words.find((word) => colours.includes(word)) ?? null };
}

/** The heaviest object counts, and so does any other that fills a cell of the grid or more. */
function shows(seen: readonly Seen[], { noun, colour }: AskedThing): boolean {
  return seen.some((each, i) =>
    each.noun === noun && (i === 0 || each.weight >= 1) &&
    (colour === null || each.colour === colour)
  );
}
