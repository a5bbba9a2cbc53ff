/** An image over HTTP: its address is its content, so it never changes. */
import { createProblem } from "../../contract/mod.ts";
import type { StoredImage } from "../../db/result_queries.ts";
import { readByteRange } from "../http/fields/byte_range.ts";
import { allowsRange, namesTag } from "../http/fields/entity_tag.ts";
import { problemResponse } from "../http/problem_response.ts";

export type ImageFile = Pick<StoredImage, "media_type" | "sha256" | "bytes" | "owner" | "flagged">;

/** Keeps results with an owner, or that may be withheld one day, out of shared caches. */
export const PRIVATE_CACHE_CONTROL = "private, no-store";

/** Answers the whole, a range of it, or 304 to a reader that has it (RFC 9110, sections 13, 14). */
export function imageResponse(image: ImageFile, request: Request, id: string): Response {
  const etag = `"${image.sha256}"`;
  const { length } = image.bytes;
  const headers: Record<string, string> = {
    etag,
    "cache-control": image.owner === null && !image.flagged
      ? "public, max-age=31536000, immutable"
      : PRIVATE_CACHE_CONTROL,
    "x-content-type-options": "nosniff",
    "accept-ranges": "bytes",
  };
  if (namesTag(request.headers.get("if-none-match"), etag)) {
    return new Response(null, { status: 304, headers });
  }
  const range = readByteRange(rangeHeader(request, etag), length);
  if (range === "not satisfiable") return refuseRange(request, length);
  headers["content-type"] = image.media_type;
  const extension = image.media_type.slice("image/".length);
  headers["content-disposition"] = `inline; filename="${id.slice(0, 12)}.${extension}"`;
  if (range) headers["content-range"] = `bytes ${range.first}-${range.last}/${length}`;
  const bytes = range ? image.bytes.subarray(range.first, range.last + 1) : image.bytes;
  headers["content-length"] = String(bytes.length);
  const body = request.method === "HEAD" ? null : new Uint8Array(bytes);
  return new Response(body, { status: range ? 206 : 200, headers });
}

/** Ranges are for GET alone, and `If-Range` has to name this very image. */
function rangeHeader({ method, headers }: Request, etag: string): string | null {
  const applies = method === "GET" && allowsRange(headers.get("if-range"), etag);
  return applies ? headers.get("range") : null;
}

function refuseRange(request: Request, length: number): Response {
  const given = (request.headers.get("range") ?? "").slice(0, 60);
  const detail = `Range must begin within the image's ${length} bytes, given ${given}`;
  const headers = { "content-range": `bytes */${length}`, "accept-ranges": "bytes" };
  return problemResponse(createProblem("range_not_satisfiable", detail), headers);
}
