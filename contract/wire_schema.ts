/** What the schemas of the wire have in common. */
import * as v from "valibot";

export const count = v.pipe(v.number(), v.integer(), v.minValue(0));

/** SHA-256, hex: a content key or a package's digest. */
export const key = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));

/** Values of the wire are shared between logs, readers and caches, so nobody changes them. */
export type DeepReadonly<T> = T extends object
  ? { readonly [Name in keyof T]: DeepReadonly<T[Name]> }
  : T;

/**
 * A value that the schema accepts goes on as it came, in its order and with the fields that only a newer
 * program knows, so that passing it on gives the same bytes.
 * @param shell what the API's document says of it where it is part of something else
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
