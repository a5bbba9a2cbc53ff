/** Checks of request fields. Each describes what it allows from the bounds that it checks. */
import * as v from "valibot";

/** @param more what the number counts */
export const integer = (min: number, max: number, more = "") =>
  v.pipe(
    v.number(),
    v.integer(),
    v.minValue(min),
    v.maxValue(max),
    v.description(`an integer from ${min} to ${max}${more}`),
  );

export const numberWithin = (min: number, max: number) =>
  v.pipe(
    v.number(),
    v.minValue(min),
    v.maxValue(max),
    v.description(`a number from ${min} to ${max}`),
  );

export const flag = v.pipe(v.boolean(), v.description("true or false"));

/** Describes itself as `"a", "b" or "c"`. */
export const choice = <const Names extends readonly [string, ...string[]]>(names: Names) => {
  const quoted = names.map((name) => JSON.stringify(name));
  const sentence = `${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}`;
  return v.pipe(v.picklist(names), v.description(sentence));
};

type Part = v.GenericSchema & {
  readonly wrapped?: Part;
  readonly item?: Part;
  readonly entries?: Entries;
  readonly pipe?: readonly { readonly kind: string; readonly entries?: Entries }[];
};
type Entries = Readonly<Record<string, Part>>;

/**
 * What each field allows, in words, by its dotted path, in which an item of a list is `*`. Refusals
 * and the API's reference are made of these words.
 */
export function rulesOf(schema: Part, path = ""): Readonly<Record<string, string>> {
  const { wrapped, item, pipe = [], entries = pipe.find((part) => part.entries)?.entries } = schema;
  if (wrapped) return rulesOf(wrapped, path);
  const rule = v.getDescription(schema);
  const fields = Object.entries(item ? { "*": item } : entries ?? {});
  return Object.assign(
    rule === undefined ? {} : { [path]: rule },
    ...fields.map(([name, field]) => rulesOf(field, path === "" ? name : `${path}.${name}`)),
  );
}
