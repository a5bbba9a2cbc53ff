/** The answers of OpenAI's route as JSON Schemas, with `generation` beside each image. */
import * as v from "valibot";
import { count, key, spentEvaluations } from "../../contract/mod.ts";
import { type Schema, schemaOf } from "./request_schemas.ts";

const error = v.object({
  message: v.string(),
  type: v.picklist(["invalid_request_error", "rate_limit_error", "server_error"]),
  param: v.nullable(v.string()),
  code: v.string(),
});

const generation = v.object({
  id: key,
  seed: count,
  cached: v.boolean(),
  evaluations: spentEvaluations,
});

const usage = v.object({
  total_tokens: count,
  input_tokens: count,
  output_tokens: v.literal(0),
  input_tokens_details: v.object({ text_tokens: count, image_tokens: v.literal(0) }),
});

const described = {
  size: v.pipe(v.string(), v.regex(/^\d+x\d+$/)),
  background: v.literal("opaque"),
  output_format: v.picklist(["png", "webp"]),
};

const event = { ...described, b64_json: v.string(), created_at: count, quality: v.literal("auto") };

/** Returns the schemas by the names that the operations refer to. */
export function openAiSchemas(): Readonly<Record<string, Schema>> {
  const schemas = {
    OpenAiFailure: v.object({ error }),
    OpenAiImages: v.object({
      created: count,
      ...described,
      data: v.array(v.object({
        b64_json: v.optional(v.string()),
        url: v.optional(v.string()),
        generation,
      })),
      usage,
    }),
    OpenAiImageEvent: v.variant("type", [
      v.object({
        type: v.literal("image_generation.partial_image"),
        partial_image_index: count,
        ...event,
      }),
      v.object({ type: v.literal("image_generation.completed"), usage, generation, ...event }),
      v.object({ type: v.literal("error"), error }),
    ]),
  };
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [name, schemaOf(schema)]),
  );
}
