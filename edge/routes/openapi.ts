/** `GET /v1/openapi.json`: the API as a document for tools. */
import type { EdgeApp } from "../http/request_context.ts";
import { openApiDocument } from "../openapi/document.ts";
import type { Ports } from "../ports.ts";
import { jsonResponse } from "../http/problem_response.ts";

export function mountOpenApi(app: EdgeApp, { publicAddress }: Pick<Ports, "publicAddress">): void {
  app.get("/v1/openapi.json", (c) => jsonResponse(openApiDocument(publicAddress(c.req.raw))));
}
