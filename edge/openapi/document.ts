/** The API as an OpenAPI 3.1 document: `GET /v1/openapi.json`. */
import { ENGINE_VERSION } from "../../contract/mod.ts";
import { describeOperation } from "./operation.ts";
import { OPERATIONS } from "./operations.ts";
import {
  generationRequestJson,
  imageRequestJson,
  type Schema,
  sweepRequestJson,
  withWebhook,
} from "./request_schemas.ts";
import { openAiSchemas } from "./openai_schemas.ts";
import { responseSchemas } from "./response_schemas.ts";

export interface OpenApiDocument {
  readonly openapi: "3.1.0";
  readonly info: object;
  readonly servers: readonly { readonly url: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, object>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>;
    readonly securitySchemes: object;
  };
  readonly security: readonly object[];
}

let document: Omit<OpenApiDocument, "servers"> | null = null;

/** Makes the document on the first call. @param address where clients reach the service */
export function openApiDocument(address: string): OpenApiDocument {
  const { openapi, info, ...rest } = document ??= createDocument();
  return { openapi, info, servers: [{ url: address }], ...rest };
}

function createDocument(): Omit<OpenApiDocument, "servers"> {
  const paths: Record<string, Record<string, object>> = {};
  for (const operation of OPERATIONS) {
    paths[operation.path] = {
      ...paths[operation.path],
      [operation.method]: describeOperation(operation),
    };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Shapefirst",
      version: ENGINE_VERSION,
      description:
        "Text-to-image with a cutoff of guidance and a swap of the prompt's end, streamed.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    // Without a key a client is anonymous, with smaller quotas.
    security: [{}, { apiKey: [] }],
    paths,
    components: {
      schemas: {
        GenerationRequest: withWebhook(generationRequestJson()),
        SweepBase: generationRequestJson(),
        SweepRequest: withWebhook(sweepRequestJson()),
        OpenAiImageRequest: imageRequestJson(),
        ...responseSchemas(),
        ...openAiSchemas(),
      },
      securitySchemes: { apiKey: { type: "http", scheme: "bearer" } },
    },
  };
}
