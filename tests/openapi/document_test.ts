// Broken here: the served document names a route that does not exist, or lacks one that does.
import { validate } from "@readme/openapi-parser";
import assert from "node:assert/strict";
import { FIELD_RULES } from "../../contract/mod.ts";
import { openApiDocument } from "../../edge/openapi/document.ts";
import { IMAGE_FIELD_RULES } from "../../edge/dialects/openai/image_request.ts";
import { openSqliteDatabase } from "../../db/sqlite/sqlite_database.ts";
import { createLocalEdge } from "../../edge/platforms/deno/local_edge.ts";
import { QUERY_FIELDS } from "../../edge/http/fields/query_fields.ts";
import { readSettings } from "../../edge/settings.ts";
import { schemaAt } from "./schema_at.ts";

const ADDRESS = "https://images.example.org";

/** The app's routes as the document spells them: Hono's `:id{…}` is `{id}`. */
async function routesOfApp(): Promise<string[]> {
  const { database, close } = await openSqliteDatabase(":memory:");
  try {
    const settings = readSettings({});
    const readAsset = () => Promise.resolve(null);
    const { app } = createLocalEdge({ database, settings, readAsset, log: () => {} });
    const routes = app.routes.filter(({ method }) => method !== "ALL").map(({ method, path }) =>
      `${method} ${path.replace(/:(\w+)(\{(?:[^{}]|\{[^{}]*\})*\})?/g, "{$1}")}`
    );
    return [...new Set(routes)].sort();
  } finally {
    close();
  }
}

Deno.test("the document lists exactly the routes that the app has", async () => {
  const listed = Object.entries(openApiDocument(ADDRESS).paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`)
  );
  assert.deepEqual(listed.sort(), await routesOfApp());
});

Deno.test("the document has the fields of a query that each route knows, and no others", () => {
  for (const [path, methods] of Object.entries(openApiDocument(ADDRESS).paths)) {
    const route = path.replaceAll(/\{(\w+)\}/g, ":$1");
    const listed = Object.values(methods).flatMap((operation) =>
      Object(operation).parameters.filter((parameter: { in: string }) => parameter.in === "query")
        .map(({ name }: { name: string }) => name)
    );
    assert.deepEqual(listed, QUERY_FIELDS[route] ?? [], path);
  }
});

Deno.test("every field of a request is in the document, with its rule", () => {
  const { GenerationRequest, OpenAiImageRequest } = openApiDocument(ADDRESS).components.schemas;
  assert(GenerationRequest && OpenAiImageRequest);
  for (const [path, rule] of Object.entries(FIELD_RULES)) {
    assert.equal(schemaAt(GenerationRequest, path)?.description, rule, path);
  }
  for (const [path, rule] of Object.entries(IMAGE_FIELD_RULES)) {
    assert.equal(schemaAt(OpenAiImageRequest, path)?.description, rule, path);
  }
  const { cutoff } = FIELD_RULES;
  assert.equal(schemaAt(OpenAiImageRequest, "cutoff")?.description, cutoff);
});

Deno.test("what a branch of the document requires, it names", () => {
  const wanting: string[] = [];
  const visit = (part: unknown, path: string) => {
    if (typeof part !== "object" || part === null) return;
    const { required = [], properties = {}, $ref } = part as Record<string, unknown> as {
      required?: unknown;
      properties?: object;
      $ref?: string;
    };
    if (Array.isArray(required) && $ref === undefined) {
      wanting.push(...required.filter((name) => !(name in properties)).map((n) => `${path}: ${n}`));
    }
    for (const [name, value] of Object.entries(part)) visit(value, `${path}/${name}`);
  };
  visit(openApiDocument(ADDRESS).components.schemas, "");
  assert.deepEqual(wanting, []);
});

Deno.test("null is what is left out, in OpenAI's dialect alone", () => {
  const { GenerationRequest, OpenAiImageRequest } = openApiDocument(ADDRESS).components.schemas;
  const takesNull = (schema: unknown, name: string) =>
    JSON.stringify(Object(schema).properties[name]).includes('"null"}');
  for (const name of ["seed", "negative_prompt", "cutoff", "eos_swap", "private", "sampler"]) {
    assert(takesNull(OpenAiImageRequest, name), name);
  }
  for (const name of ["seed", "negative_prompt"]) {
    assert(!takesNull(GenerationRequest, name), name);
  }
  assert(!takesNull(OpenAiImageRequest, "prompt"));
});

Deno.test("the document is valid OpenAPI 3.1", async () => {
  const result = await validate(structuredClone(openApiDocument(ADDRESS)) as never);
  assert.deepEqual(result, { ...result, valid: true, warnings: [] });
});

Deno.test("a document that is not valid would be told", async () => {
  const { info: _, ...broken } = structuredClone(openApiDocument(ADDRESS));
  const result = await validate(broken as never);
  assert.equal(result.valid, false);
});
