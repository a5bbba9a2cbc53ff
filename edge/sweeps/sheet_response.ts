/** A contact sheet over HTTP: its sweep is its content, so it never changes. */
import { PRIVATE_CACHE_CONTROL } from "../generations/image_response.ts";

/**
 * @param body the SVG, or the parts of it as they are drawn
 * @param isPrivate whether it has an owner, or an image that may be withheld one day
 */
export function sheetResponse(
  body: string | ReadableStream<Uint8Array>,
  { isPrivate }: { readonly isPrivate: boolean },
): Response {
  return new Response(body, {
    headers: {
      "content-type": "image/svg+xml",
      "cache-control": isPrivate ? PRIVATE_CACHE_CONTROL : "public, max-age=31536000, immutable",
      "x-content-type-options": "nosniff",
      // An SVG opened by itself is a document, so it may only show its own images.
      "content-security-policy": "default-src 'none'; img-src data:; style-src 'unsafe-inline'",
    },
  });
}
