import type { Schema } from "../../edge/openapi/request_schemas.ts";

/** The place of a field in a schema, by its dotted path; undefined where there is none. */
export function schemaAt(schema: Schema, path: string): Schema | undefined {
  let here: Schema | undefined = schema;
  for (const name of path === "" ? [] : path.split(".")) {
    const forms: unknown[] = [here, ...here?.anyOf ?? []];
    const fitting = forms.find((form) =>
      isSchema(form) && (name === "*" ? isSchema(form.items) : name in (form.properties ?? {}))
    );
    const next: unknown = isSchema(fitting)
      ? name === "*" ? fitting.items : fitting.properties?.[name]
      : undefined;
    here = isSchema(next) ? next : undefined;
  }
  return here;
}

function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
