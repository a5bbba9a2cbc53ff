/** One operation of the API, in the few words from which the document is made. */
import { ERROR_TABLE, type ErrorCode } from "../../contract/mod.ts";
import { openAiCode, openAiStatus } from "../dialects/openai/openai_error.ts";

export interface Operation {
  readonly method: "get" | "post" | "delete";
  /** The route's path, with `{name}` for each parameter. */
  readonly path: string;
  readonly id: string;
  readonly summary: string;
  /** Header and query parameters, as `PARAMETERS` names them. */
  readonly parameters?: readonly (keyof typeof PARAMETERS)[];
  /** Name of the schema of its JSON body. */
  readonly body?: string;
  readonly answers: readonly Answer[];
  /** Codes in addition to those that any operation may answer with. */
  readonly errors: readonly ErrorCode[];
  /** The dialect that it speaks, if any: errors and events then have another shape. */
  readonly dialect?: "openai";
}

export interface Answer {
  readonly status: number;
  readonly description: string;
  /** Media type to schema name; `binary` has none. An absent field is an empty body. */
  readonly content?: Readonly<Record<string, string>>;
  readonly headers?: readonly string[];
}

const string = (more: object = {}) => ({ type: "string", ...more });

/** Parameters in the path, by name. */
const PATH_SCHEMAS: Readonly<Record<string, object>> = {
  id: string({ pattern: "^[0-9a-f]{64}$" }),
  file: string({ pattern: "^[0-9a-f]{64}\\.(png|webp)$" }),
};

/** By name, with `?` behind that of one in the query where a header has it as well. */
const PARAMETERS = {
  "Last-Event-ID": {
    in: "header",
    description: "Only the events behind this one; empty is none",
    schema: string({ pattern: "^[0-9]{0,15}$" }),
  },
  last_event_id: {
    in: "query",
    description: "The same for a first connection, which cannot set headers in a browser",
    schema: string({ pattern: "^[0-9]{0,15}$" }),
  },
  lastEventId: {
    in: "query",
    description: "The same, as some EventSource libraries name it",
    schema: string({ pattern: "^[0-9]{0,15}$" }),
  },
  "Last-Event-ID?": {
    name: "Last-Event-ID",
    in: "query",
    description: "The same, as some EventSource libraries name it",
    schema: string({ pattern: "^[0-9]{0,15}$" }),
  },
  pace: {
    in: "query",
    description: "A finished run's events at the pace of the run, instead of at once",
    schema: string({ enum: ["live"] }),
  },
  "Idempotency-Key": {
    in: "header",
    description: "Repetitions of a request under one key are one request",
    schema: string({ pattern: "^[!#-~]{1,255}$" }),
  },
  "If-None-Match": { in: "header", description: "ETags that the client has", schema: string() },
  "If-Range": {
    in: "header",
    description: "The ETag of the image that the range is of",
    schema: string(),
  },
  Range: { in: "header", description: "A part of the bytes", schema: string() },
} as const;

/** Errors that the edge may answer whatever it is asked. */
const ANY_ERRORS: readonly ErrorCode[] = [
  // A field of the query that the route does not know.
  "invalid_request",
  "unauthorized",
  "forbidden",
  "rate_limited",
  "url_too_long",
  "headers_too_large",
  "internal",
];

export function describeOperation(operation: Operation): object {
  const { path, id, summary, parameters = [], body, answers, errors, dialect } = operation;
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => ({
    name,
    in: "path",
    required: true,
    schema: PATH_SCHEMAS[name] ?? string(),
  }));
  const others = parameters.map((name) => ({ name, ...PARAMETERS[name] }));
  const content = { "application/json": { schema: schemaRef(body ?? "") } };
  return {
    operationId: id,
    summary,
    parameters: [...inPath, ...others],
    ...(body ? { requestBody: { required: true, content } } : {}),
    responses: {
      ...Object.fromEntries(
        answers.map((answer) => [answer.status, describeAnswer(answer, dialect)]),
      ),
      ...describeErrors([...new Set([...errors, ...ANY_ERRORS])], dialect),
    },
  };
}

type Dialect = Operation["dialect"];

function describeAnswer(
  { description, content = {}, headers = [] }: Answer,
  dialect: Dialect,
): object {
  return {
    description,
    ...(Object.keys(content).length > 0
      ? {
        content: Object.fromEntries(
          Object.entries(content).map(([type, name]) => [
            type,
            type === "text/event-stream"
              ? { schema: eventSchema(name, dialect) }
              : { schema: name === "binary" ? {} : schemaRef(name) },
          ]),
        ),
      }
      : {}),
    ...(headers.length > 0
      ? { headers: Object.fromEntries(headers.map((name) => [name, { schema: string() }])) }
      : {}),
  };
}

/**
 * Describes one event of the stream as OpenAPI 3.2 does; 3.1 leaves it open. OpenAI's have no ids.
 */
function eventSchema(name: string, dialect: Dialect): object {
  const data = string({
    contentMediaType: "application/json",
    contentSchema: schemaRef(name),
  });
  const named = { event: string(), data };
  const numbered = { id: string({ pattern: "^[0-9]+$" }), ...named };
  const properties = dialect === "openai" ? named : numbered;
  const ids = dialect === "openai" ? "there are no ids" : "ids count from 0";
  return {
    type: "object",
    description: `One server-sent event: ${ids}, the name is the type in the data`,
    properties,
    required: Object.keys(properties),
  };
}

/** Describes the codes of one status together. */
function describeErrors(
  codes: readonly ErrorCode[],
  dialect: Dialect,
): Readonly<Record<string, object>> {
  const statusOf = (code: ErrorCode) =>
    dialect === "openai" ? openAiStatus(code) : ERROR_TABLE[code].status;
  const content = dialect === "openai"
    ? { "application/json": { schema: schemaRef("OpenAiFailure") } }
    : { "application/problem+json": { schema: schemaRef("Problem") } };
  return Object.fromEntries(
    [...new Set(codes.map(statusOf))].map((status) => {
      const own = codes.filter((code) => statusOf(code) === status);
      const description = own.map((code) => {
        const shown = dialect === "openai" ? openAiCode(code) : code;
        return `\`${shown}\`: ${ERROR_TABLE[code].title}`;
      }).join("; ");
      return [String(status), { description, content }];
    }),
  );
}

function schemaRef(name: string): { $ref: string } {
  return { $ref: `#/components/schemas/${name}` };
}
