/**
 * Expected failures as data: one table from code to HTTP status, and one shape (RFC 9457 problem
 * details) for HTTP bodies and for the failed event alike.
 */
import * as v from "valibot";
import { checkedAs, count, type DeepReadonly } from "./wire_schema.ts";

interface ErrorRow {
  readonly status: number;
  readonly retryable: boolean;
  readonly title: string;
}

export const ERROR_TABLE = {
  invalid_json: { status: 400, retryable: false, title: "The body is not valid JSON" },
  invalid_request: { status: 400, retryable: false, title: "The request is not valid" },
  unsupported_media_type: { status: 415, retryable: false, title: "Unsupported content type" },
  body_too_large: { status: 413, retryable: false, title: "The body is too large" },
  unknown_model: { status: 422, retryable: false, title: "Unknown model" },
  model_unavailable: { status: 409, retryable: false, title: "The model cannot be served" },
  unplannable: { status: 422, retryable: false, title: "The model cannot do this" },
  unauthorized: { status: 401, retryable: false, title: "The credentials are not accepted" },
  forbidden: { status: 403, retryable: false, title: "Not allowed" },
  prompt_refused: { status: 422, retryable: false, title: "The prompt is not accepted" },
  image_refused: { status: 422, retryable: false, title: "The image is withheld" },
  idempotency_mismatch: { status: 422, retryable: false, title: "The idempotency key is taken" },
  rate_limited: { status: 429, retryable: true, title: "Too many requests" },
  range_not_satisfiable: { status: 416, retryable: false, title: "The range is not satisfiable" },
  url_too_long: { status: 414, retryable: false, title: "The URL is too long" },
  headers_too_large: { status: 431, retryable: false, title: "The headers are too large" },
  not_found: { status: 404, retryable: false, title: "Not found" },
  method_not_allowed: { status: 405, retryable: false, title: "Method not allowed" },
  conflict: { status: 409, retryable: false, title: "Conflict with the current state" },
  at_capacity: { status: 503, retryable: true, title: "All slots are busy" },
  gpu_unavailable: { status: 503, retryable: true, title: "The GPU function is not available" },
  upstream_failed: { status: 502, retryable: true, title: "The GPU function broke off" },
  model_mismatch: { status: 502, retryable: false, title: "Edge and GPU function disagree" },
  storage_unavailable: { status: 503, retryable: true, title: "The database is not available" },
  internal: { status: 500, retryable: false, title: "Internal error" },
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof ERROR_TABLE;

/** One thing wrong with one field, as a sentence and as data. */
const fieldIssueObject = v.object({
  /** Dotted path, e.g. `cutoff.guided_steps`. Empty for the body as a whole. */
  field: v.string(),
  message: v.string(),
  allowed: v.string(),
  /** What was given, as JSON cut to a readable length. */
  given: v.string(),
});

export type FieldIssue = DeepReadonly<v.InferOutput<typeof fieldIssueObject>>;

const errorCode = v.picklist(Object.keys(ERROR_TABLE).filter(isErrorCode));

/** RFC 9457 problem details, with extension members of ours. */
export const problemObject = v.object({
  type: v.string(),
  title: v.string(),
  status: v.pipe(count, v.minValue(400), v.maxValue(599)),
  detail: v.string(),
  code: errorCode,
  retryable: v.boolean(),
  errors: v.optional(v.array(fieldIssueObject)),
  /** Seconds until another attempt is worthwhile, as in the header `Retry-After`. */
  retry_after: v.optional(v.number()),
  request_id: v.optional(v.string()),
});

export type Problem = DeepReadonly<v.InferOutput<typeof problemObject>>;

/** The fields by which a problem is recognised. */
export const problemStart = v.looseObject({
  code: v.string(),
  detail: v.string(),
  status: v.number(),
});

/** A problem on the wire. A code that only a newer program knows is read as `internal`. */
export const problemSchema = checkedAs<Problem>(
  v.pipe(
    problemStart,
    v.transform((problem): object =>
      isErrorCode(problem.code) ? problem : { ...problem, code: "internal" }
    ),
  ),
  problemObject,
);

export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === "string" && Object.hasOwn(ERROR_TABLE, code);
}

export function createProblem(
  code: ErrorCode,
  detail: string,
  errors: readonly FieldIssue[] = [],
): Problem {
  const { status, retryable, title } = ERROR_TABLE[code];
  const problem = {
    type: `urn:shapefirst:problem:${code}`,
    title,
    status,
    detail,
    code,
    retryable,
  };
  return errors.length > 0 ? { ...problem, errors } : problem;
}

/**
 * The end of a run whose image a model's safety checker flagged, where such images are withheld.
 */
export function imageWithheld(): Problem {
  const detail = "The image is withheld, since the model's safety checker flagged it";
  return createProblem("image_refused", detail);
}

/** Issues named in one answer, so that a body wrong in thousands of places gets a short one. */
export const FIELD_ISSUES_MAX = 20;

/**
 * A problem about fields, with at most `FIELD_ISSUES_MAX` issues. Its detail joins their sentences.
 */
export function createFieldProblem(code: ErrorCode, errors: readonly FieldIssue[]): Problem {
  const named = errors.slice(0, FIELD_ISSUES_MAX);
  return createProblem(code, named.map((issue) => issue.message).join("; "), named);
}

/** Builds `<field> must be <allowed>, given <given>`. */
export function fieldIssue(field: string, allowed: string, given: unknown): FieldIssue {
  const shown = showGiven(given);
  return { field, allowed, given: shown, message: `${field} must be ${allowed}, given ${shown}` };
}

/** An issue for a field that does not exist; it names the fields that do. */
export function unknownFieldIssue(
  name: string,
  known: readonly string[],
  given: unknown,
): FieldIssue {
  const field = cutText(name);
  const names = known.join(", ");
  const message = `${field} is not a known field, known are ${names}`;
  return { field, allowed: `one of ${names}`, given: showGiven(given), message };
}

const GIVEN_LENGTH_MAX = 60;

/** JSON of a value, cut so that an error never echoes a whole prompt. */
export function showGiven(value: unknown): string {
  if (value === undefined) return "nothing";
  return cutText(
    typeof value === "number" ? String(value) : JSON.stringify(value) ?? typeof value,
  );
}

/** Cuts a text that a client chose, such as the name of an unknown field. */
export function cutText(text: string): string {
  return text.length <= GIVEN_LENGTH_MAX ? text : `${text.slice(0, GIVEN_LENGTH_MAX)}…`;
}

/** The result of parsing: a value, or the problem to answer with. */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: Problem };

export function accept<T>(value: T): Parsed<T> {
  return { ok: true, value };
}

export function refuse<T>(problem: Problem): Parsed<T> {
  return { ok: false, problem };
}

/** Checks a value that came from another program. @param name what it should be, such as "Event" */
export function parseAs<T>(
  schema: v.GenericSchema<unknown, T>,
  input: unknown,
  name: string,
): Parsed<T> {
  const result = v.safeParse(schema, input);
  if (result.success) return accept(result.output);
  const [first] = result.issues;
  const where = v.getDotPath(first) ?? name.toLowerCase();
  const detail = `${name} is not valid: ${where}: ${first.message}`;
  return refuse(createProblem("upstream_failed", detail));
}

export function parseProblem(input: unknown): Parsed<Problem> {
  return parseAs(problemSchema, input, "Problem");
}

/** A problem thrown across I/O. Each program catches it in one place and answers with it. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";
  readonly problem: Problem;
  constructor(problem: Problem, options?: ErrorOptions) {
    super(problem.detail, options);
    this.problem = problem;
  }
}
