/** An image over HTTP: its address is its content, so it never changes. */
import type { StoredImage } from "../db/queries.ts";

export function imageResponse(image: StoredImage, request: Request, id: string): Response {
  const etag = `"${image.sha256}"`;
  const headers: Record<string, string> = {
    etag,
    "cache-control": "public, max-age=31536000, immutable",
    "x-content-type-options": "nosniff",
  };
  if (matches(request.headers.get("if-none-match"), etag)) {
    return new Response(null, { status: 304, headers });
  }
  headers["content-type"] = image.media_type;
  headers["content-length"] = String(image.bytes.length);
  const extension = image.media_type.slice("image/".length);
  headers["content-disposition"] = `inline; filename="${id.slice(0, 12)}.${extension}"`;
  const body = request.method === "HEAD" ? null : new Uint8Array(image.bytes);
  return new Response(body, { headers });
}

/** RFC 9110, section 13.1.2: weak comparison, a list or `*`. */
function matches(condition: string | null, etag: string): boolean {
  if (condition === null) return false;
  return condition.split(",").map((tag) => tag.trim().replace(/^W\//, ""))
    .some((tag) => tag === "*" || tag === etag);
}
