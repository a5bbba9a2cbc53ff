/** What the schemas of the wire have in common. */
import * as v from "valibot";

export const count = v.pipe(v.number(), v.integer(), v.minValue(0));

/** SHA-256, hex: a content key or a package's digest. */
export const key = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));

/** Logs, readers and caches share the values of the wire, so nobody may change them. */
export type DeepReadonly<T> = T extends object
  ? { readonly [Name in keyof T]: DeepReadonly<T[Name]> }
  : T;

/**
 * Checks a value without rebuilding it: the order of its fields and those that only a newer program
 * knows are kept, so that writing it again gives the same bytes.
 * @param shell a looser schema that runs first and stands for the value in the OpenAPI document
 */
export function checkedAs<T>(shell: v.GenericSchema<unknown, object>, schema: v.GenericSchema<T>) {
  return v.pipe(
    shell,
    v.rawTransform<object, T>(({ dataset, addIssue, NEVER }) => {
      const { value } = dataset;
      if (v.is(schema, value)) return value;
      const [issue] = v.safeParse(schema, value).issues ?? [];
      addIssue({ message: issue?.message ?? "Invalid value", path: issue?.path });
      return NEVER;
    }),
  );
}
