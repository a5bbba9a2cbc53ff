/** `/v1/models`: the models that can be asked for. */
import type { ModelManifest } from "../../contract/mod.ts";
import type { EdgeApp } from "../http/request_context.ts";
import type { Ports } from "../ports.ts";
import { jsonResponse, notFound } from "../http/problem_response.ts";

export function mountModels(app: EdgeApp, { models }: Ports): void {
  app.get("/v1/models", async () => jsonResponse(listed(await models.list())));
  app.get("/v1/models/:id", async (c) => {
    const id = c.req.param("id");
    const model = await models.find(id);
    return model ? jsonResponse(model.manifest) : notFound(`There is no model ${id.slice(0, 64)}`);
  });
}

/** `object` and `data` are for OpenAI's clients; a model's date and owner are unknown. */
function listed(models: readonly ModelManifest[]) {
  return { models, object: "list", data: models.map(({ id }) => ({ id, object: "model" })) };
}
