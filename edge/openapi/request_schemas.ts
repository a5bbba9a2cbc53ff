/** The bodies that a client sends, as JSON Schemas made of the schemas that parse them. */
import { type ConversionConfig, type JsonSchema, toJsonSchema } from "@valibot/to-json-schema";
import type * as v from "valibot";
import { FIELD_RULES, generationRequestSchema, sweepRequestSchema } from "../../contract/mod.ts";
import { IMAGE_FIELD_RULES, imageRequestSchema } from "../dialects/openai/image_request.ts";

export type Schema = JsonSchema;

type Override = NonNullable<ConversionConfig["overrideSchema"]>;

/**
 * The JSON Schema of what a client may send: what it may leave out it may leave out.
 * @param instead what to say of parts of it, by the part
 */
export function schemaOf(schema: v.GenericSchema, instead?: ReadonlyMap<object, Schema>): Schema {
  return convert(schema, ({ valibotSchema }) => {
    const said = instead?.get(valibotSchema);
    if (said) return said;
    // The one custom schema is a cutoff: a word, or an object with exactly one length.
    if (valibotSchema.type === "custom") return cutoffJson();
    return valibotSchema.type === "tuple" ? COLOUR : undefined;
  });
}

/** The one tuple: the library's own form leaves its length open, and other tools misread it. */
const COLOUR: Schema = { type: "array", items: { type: "number" }, minItems: 3, maxItems: 3 };

function convert(schema: v.GenericSchema, overrideSchema: Override): Schema {
  const { $schema: _, ...converted } = toJsonSchema(schema, {
    target: "draft-2020-12",
    typeMode: "input",
    // Checks that span fields have no counterpart; their sentences are the descriptions.
    errorMode: "ignore",
    overrideSchema,
  });
  return converted;
}

const CUTOFF_LENGTHS = ["guided_steps", "guided_fraction", "a", "auto"];

function cutoffJson(): Schema {
  const [, , cutoffObject] = generationRequestSchema.entries.cutoff.wrapped.pipe;
  const oneOf = CUTOFF_LENGTHS.map((name) => ({ required: [name] }));
  return { anyOf: [{ const: "auto" }, { ...convert(cutoffObject, () => undefined), oneOf }] };
}

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

/** Each field says what it allows in the words that refuse it. */
function describeFields(schema: Schema, rules = FIELD_RULES): Schema {
  for (const [path, rule] of Object.entries(rules)) {
    const field = schemaAt(schema, path);
    if (field) field.description = rule;
  }
  return schema;
}

export function generationRequestJson(): Schema {
  return describeFields(schemaOf(generationRequestSchema));
}

/** OpenAI's fields with their own rules, and ours among them with theirs. */
export function imageRequestJson(): Schema {
  const rules = { ...FIELD_RULES, ...IMAGE_FIELD_RULES };
  return describeFields(schemaOf(imageRequestSchema), rules);
}

/** Branches are checked by the rules of the field that they vary. */
export function sweepRequestJson(): Schema {
  const sweep = schemaOf(sweepRequestSchema);
  const generation = generationRequestJson();
  const step = schemaAt(generation, "eos_swap.from");
  const items: Record<string, Schema | undefined> = {
    cutoffs: schemaAt(generation, "cutoff"),
    tails: schemaAt(generation, "cutoff.tail"),
    eos_windows: {
      type: "object",
      properties: { from: step ?? {}, to: step ?? {} },
      required: ["from", "to"],
      additionalProperties: false,
    },
  };
  for (const [axis, item] of Object.entries(items)) {
    const list = schemaAt(sweep, axis);
    if (list) list.items = item ?? {};
  }
  const { base: _, ...lists } = sweep.properties ?? {};
  return {
    ...sweep,
    properties: { base: { $ref: "#/components/schemas/SweepBase" }, ...lists },
    oneOf: Object.keys(items).map((axis) => ({ required: [axis] })),
  };
}

const WEBHOOK: Schema = {
  type: "object",
  description:
    "Called, signed, when what is asked for has ended; only with an API key, and a secret on the service's side",
  properties: { url: { type: "string", format: "uri", description: "https, with a public host" } },
  required: ["url"],
  additionalProperties: false,
};

/** With the field that the edge takes off before it plans: it stands beside what is asked for. */
export function withWebhook(schema: Schema): Schema {
  return { ...schema, properties: { ...schema.properties, webhook: WEBHOOK } };
}
