/**
 * The body of OpenAI's `POST /v1/images/generations`. Its own fields are read here; fields that
 * OpenAI does not have, such as `seed` or `cutoff`, go on unchanged to the contract's parser.
 */
import * as v from "valibot";
import {
  accept,
  arraysForObjects,
  choice,
  createFieldProblem,
  FIELD_ISSUES_MAX,
  FIELD_RULES,
  type FieldIssue,
  fieldIssue,
  flag,
  generationRequestSchema,
  integer,
  type Parsed,
  refuse,
  rulesOf,
  unknownFieldIssue,
} from "../../../contract/mod.ts";

export interface ImageRequest {
  /** The body of the generation that is asked for. */
  readonly generation: Readonly<Record<string, unknown>>;
  /** How many images, with consecutive seeds. */
  readonly n: number;
  readonly streamed: boolean;
  /** How many previews at most. */
  readonly partialImages: number;
  readonly responseFormat: "b64_json" | "url";
}

/** Each image is a run of its own, one after another, within one request. */
const IMAGES_MAX = 4;
const PARTIAL_IMAGES_MAX = 3;

const {
  model,
  // OpenAI's names are `size`, `output_format` and `partial_images`; it has no event for insights.
  width: _width,
  height: _height,
  output_format,
  previews: _previews,
  insights: _insights,
  insight_options: _insightOptions,
  ...passed
} = generationRequestSchema.entries;

/** A schema with the sentence of what it allows. OpenAI's types allow null for an absent field. */
const field = <const Schema extends v.GenericSchema>(schema: Schema, rule: string) =>
  v.nullish(v.pipe(schema, v.description(rule)));

const LABEL_LENGTH = 512;
const label = field(
  v.pipe(v.string(), v.maxLength(LABEL_LENGTH)),
  `text of at most ${LABEL_LENGTH} characters, a label that changes nothing`,
);

const own = {
  // Which ids there are is known where models are: all others are unknown ones alike.
  model: field(v.string(), v.getDescription(model.wrapped) ?? ""),
  n: v.nullish(integer(1, IMAGES_MAX)),
  size: field(
    v.pipe(v.string(), v.regex(/^(auto|[1-9]\d{0,3}x[1-9]\d{0,3})$/)),
    '"auto", or a width and a height in pixels such as "512x512"',
  ),
  quality: field(
    v.literal("auto"),
    '"auto", since num_inference_steps says how much is computed',
  ),
  background: field(
    v.picklist(["auto", "opaque"]),
    '"auto" or "opaque", since no image here is transparent',
  ),
  moderation: field(
    v.literal("auto"),
    '"auto", since what is refused is the operator\'s to say',
  ),
  output_format: v.nullish(output_format.wrapped),
  output_compression: field(v.literal(100), "100, since images are kept without loss"),
  response_format: v.nullish(choice(["b64_json", "url"])),
  stream: v.nullish(flag),
  partial_images: v.nullish(integer(0, PARTIAL_IMAGES_MAX)),
  user: label,
  safety_identifier: label,
};

const BODY = FIELD_RULES[""] ?? "";

const PASSED_FIELDS = Object.keys(passed);
const FIELDS = [...PASSED_FIELDS, ...Object.keys(own)];

/** Whoever takes null for an absent field of OpenAI's takes it for one of ours beside them. */
const { prompt, ...others } = passed;
const nullable = Object.fromEntries(
  Object.entries(others).map(([name, field]) => [name, v.nullish(field.wrapped)]),
);

/** The schema for documents of the API. */
export const imageRequestSchema = v.pipe(
  v.strictObject({ prompt, ...nullable, ...own }),
  v.description(BODY),
);

const asked = v.pipe(v.looseObject(own), v.description(BODY));

/** The sentences of what each of OpenAI's fields allows here. */
export const IMAGE_FIELD_RULES = rulesOf(asked);

/** Names every wrong field of OpenAI's; a generation's fields are checked when it is planned. */
export function parseImageRequest(input: unknown): Parsed<ImageRequest> {
  const arrays = arraysForObjects(input, IMAGE_FIELD_RULES);
  if (arrays.length > 0) return refuseFields(arrays);
  const result = v.safeParse(asked, input);
  const unknown = unknownFields(input);
  if (!result.success) return refuseFields([...result.issues.map(toFieldIssue), ...unknown]);
  const body = result.output;
  const issues = [...unknown, ...contradictions(body)];
  if (issues.length > 0) return refuseFields(issues);
  return accept({
    generation: generationOf(body),
    n: body.n ?? 1,
    streamed: body.stream ?? false,
    partialImages: body.partial_images ?? 0,
    responseFormat: body.response_format ?? "b64_json",
  });
}

type Asked = v.InferOutput<typeof asked>;

function toFieldIssue(issue: v.BaseIssue<unknown>): FieldIssue {
  const field = v.getDotPath(issue) ?? "";
  const described = fieldIssue(field || "body", IMAGE_FIELD_RULES[field] ?? "absent", issue.input);
  return { ...described, field };
}

function unknownFields(input: unknown): FieldIssue[] {
  if (typeof input !== "object" || input === null || Array.isArray(input)) return [];
  return Object.entries(input).filter(([name]) => !FIELDS.includes(name))
    .map(([name, value]) => unknownFieldIssue(name, FIELDS, value));
}

/** Finds fields that are right by themselves, but not together. */
function contradictions(asked: Asked): FieldIssue[] {
  const { stream, n, partial_images, response_format } = asked;
  const issues: FieldIssue[] = [];
  // Whoever loads the URL, an <img> say, sends no key.
  if (asked["private"] === true && response_format === "url") {
    const allowed = '"b64_json" where private is true, whose URL nobody could read without the key';
    issues.push(fieldIssue("response_format", allowed, response_format));
  }
  if (stream && (n ?? 1) > 1) {
    issues.push(fieldIssue("n", "1 where stream is true, whose events do not number images", n));
  }
  if (stream && response_format === "url") {
    const allowed = '"b64_json" where stream is true, whose events have no place for a URL';
    issues.push(fieldIssue("response_format", allowed, response_format));
  }
  if (!stream && (partial_images ?? 0) > 0) {
    issues.push(fieldIssue("partial_images", "0 where stream is not true", partial_images));
  }
  return issues;
}

function generationOf(body: Asked): ImageRequest["generation"] {
  const more = Object.entries(body).filter(([name, value]) =>
    PASSED_FIELDS.includes(name) && (value !== null || name === "prompt")
  );
  const [width, height] = body.size && body.size !== "auto" ? body.size.split("x").map(Number) : [];
  const { model, output_format } = body;
  const asked = { model: model ?? undefined, output_format: output_format ?? undefined };
  return { ...Object.fromEntries(more), ...asked, width, height };
}

function refuseFields(issues: readonly FieldIssue[]): Parsed<never> {
  return refuse(createFieldProblem("invalid_request", issues.slice(0, FIELD_ISSUES_MAX)));
}
