/** `GET /v1/images/{id}.{png|webp}`: the finished image, for ever. */
import { type EdgeApp, readerOf } from "../http/request_context.ts";
import { cacheImage, findCachedImage } from "../cache/cached_results.ts";
import { createProblem } from "../../contract/mod.ts";
import { imageResponse } from "../generations/image_response.ts";
import type { Ports } from "../ports.ts";
import { readableBy, roomUrl } from "../callers/private_results.ts";
import { notFound, problemResponse } from "../http/problem_response.ts";
import { lookUp } from "../generations/result_lookup.ts";

export function mountImages(app: EdgeApp, ports: Ports): void {
  app.get("/v1/images/:file{[0-9a-f]{64}\\.(?:png|webp)}", async (c) => {
    const [id = "", extension = ""] = c.req.param("file").split(".");
    const image = await findImage(ports, id, { request: c.req.raw, reader: readerOf(c) });
    const typed = image.headers.get("content-type");
    const isOther = typed?.startsWith("image/") && typed !== `image/${extension}`;
    if (isOther) await image.body?.cancel();
    return isOther ? notFound(`Generation ${id} has no image as ${extension}`) : image;
  });
}

async function findImage(
  ports: Ports,
  id: string,
  { request, reader }: { readonly request: Request; readonly reader: string },
): Promise<Response> {
  const cached = await findCachedImage(ports, id);
  if (cached) return imageResponse(cached, request, id);
  const stored = await lookUp(
    ports,
    async (results) => readableBy(await results.image(id), reader),
  );
  if (stored.value) {
    cacheImage(ports, id, stored.value);
    return imageResponse(stored.value, request, id);
  }
  // The room serves a result that the database could not take, as long as it retains it.
  const response = await ports.rooms.fetch(
    id,
    new Request(roomUrl("/image", reader), { method: request.method, headers: request.headers }),
  );
  if (response.status !== 404) return response;
  if (stored.available) return notFound(`There is no image of a generation ${id}`);
  const detail = "The database is not available, so it is not known whether this image exists";
  return problemResponse(createProblem("storage_unavailable", detail));
}
