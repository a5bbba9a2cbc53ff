/** Checks of request fields. Each describes what it allows from the bounds that it checks. */
import * as v from "valibot";
import { type FieldIssue, fieldIssue } from "../problem.ts";

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

type Rules = Readonly<Record<string, string>>;

/**
 * Finds arrays where the rules want objects: a schema takes an array for an object, whose fields
 * are then missing or unknown, or if it is empty for one without any.
 */
export function arraysForObjects(input: unknown, rules: Rules): FieldIssue[] {
  const objects = new Set(Object.keys(rules).filter((path) => path !== "").map(parentOf));
  return [...objects].flatMap((path) => {
    const given = valueAt(input, path);
    if (!Array.isArray(given)) return [];
    const issue = fieldIssue(path || "body", rules[path] ?? "an object", given);
    return [{ ...issue, field: path }];
  });
}

/** Leaves out what was said of fields within others that are wrong as a whole. */
export function outside(whole: readonly FieldIssue[], issues: readonly FieldIssue[]): FieldIssue[] {
  const isWithin = (field: string) =>
    whole.some((other) => other.field === "" || `${field}.`.startsWith(`${other.field}.`));
  return issues.filter(({ field }) => !isWithin(field));
}

/** Items of a list are no fields of an object. */
function parentOf(path: string): string {
  const fields = path.replace(/(\.\*)+$/, "");
  return fields.slice(0, Math.max(fields.lastIndexOf("."), 0));
}

function valueAt(input: unknown, path: string): unknown {
  const names = path === "" ? [] : path.split(".");
  return names.reduce<unknown>((value, name) => Object(value)[name], input);
}
