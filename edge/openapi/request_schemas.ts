/** The bodies that a client sends, as JSON Schemas made from the schemas that parse them. */
import { type ConversionConfig, type JsonSchema, toJsonSchema } from "@valibot/to-json-schema";
import * as v from "valibot";
import { generationRequestSchema, sweepRequestSchema } from "../../contract/mod.ts";
import { imageRequestSchema } from "../dialects/openai/image_request.ts";

export type Schema = JsonSchema;

type Part = Parameters<NonNullable<ConversionConfig["overrideSchema"]>>[0];

/**
 * Returns the JSON Schema of what a client may send: optional fields stay optional. Checks that
 * span fields have no counterpart; their sentences are the descriptions.
 * @param instead schemas that replace parts of it, by the part
 */
export function schemaOf(schema: v.GenericSchema, instead?: ReadonlyMap<object, Schema>): Schema {
  const { $schema: _, ...converted } = toJsonSchema(schema, {
    target: "draft-2020-12",
    typeMode: "input",
    errorMode: "ignore",
    overrideSchema: (part) => instead?.get(part.valibotSchema) ?? partOf(part),
  });
  return converted;
}

function partOf({ valibotSchema: { type }, jsonSchema }: Part): Schema | undefined {
  // The one custom schema is a cutoff: a word, or an object with exactly one length.
  if (type === "custom") return cutoffJson();
  if (type === "tuple") return COLOUR;
  if (type === "optional") return described(jsonSchema, jsonSchema);
  return type === "nullish" ? withNull(jsonSchema) : undefined;
}

/** The one tuple: the library's own form leaves its length open, and other tools misread it. */
const COLOUR: Schema = { type: "array", items: { type: "number" }, minItems: 3, maxItems: 3 };

const CUTOFF_LENGTHS = ["guided_steps", "guided_fraction", "a", "auto"];

function cutoffJson(): Schema {
  const cutoffObject = generationRequestSchema.entries.cutoff.wrapped.pipe[3];
  return {
    anyOf: [{ const: "auto" }, { ...schemaOf(cutoffObject), oneOf: exactlyOneOf(CUTOFF_LENGTHS) }],
  };
}

/** Each branch names its property as well: some tools look for what is required in no other place. */
function exactlyOneOf(names: readonly string[]): Schema[] {
  return names.map((name) => ({ required: [name], properties: { [name]: {} } }));
}

/** Puts the field's description last, whatever the schema is wrapped in. */
function described({ description: _, ...schema }: Schema, { description }: Schema): Schema {
  return description === undefined ? schema : { ...schema, description };
}

function withNull(schema: Schema): Schema {
  const [field, nothing] = schema.anyOf ?? [];
  if (typeof field !== "object" || nothing === undefined) return schema;
  const { description: _, ...bare } = field;
  return described({ ...schema, anyOf: [bare, nothing] }, field);
}

export const generationRequestJson = () => schemaOf(generationRequestSchema);

/** Describes OpenAI's fields with their own rules, and ours among them with theirs. */
export const imageRequestJson = () => schemaOf(imageRequestSchema);

/** Branches are checked by the rules of the field that they vary. */
export function sweepRequestJson(): Schema {
  const { cutoff, eos_swap } = generationRequestSchema.entries;
  const { from, to } = eos_swap.wrapped.entries;
  const items: Record<string, v.GenericSchema> = {
    cutoffs: cutoff,
    tails: cutoff.wrapped.pipe[3].entries.tail,
    eos_windows: v.strictObject({ from: from.wrapped, to: to.wrapped }),
  };
  const { description: _, ...sweep } = schemaOf(sweepRequestSchema);
  const lists = Object.entries(items).map(([axis, item]) => {
    const { description: _, ...list } = Object(sweep.properties?.[axis]);
    return [axis, { ...list, items: schemaOf(item) }];
  });
  return {
    ...sweep,
    properties: { base: { $ref: "#/components/schemas/SweepBase" }, ...Object.fromEntries(lists) },
    oneOf: exactlyOneOf(Object.keys(items)),
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

/** Adds the field that the edge takes off before it plans. */
export function withWebhook(schema: Schema): Schema {
  return { ...schema, properties: { ...schema.properties, webhook: WEBHOOK } };
}
