/** Conditions on an entity tag (RFC 9110, sections 8.8.3 and 13.1). Pure. */

/** One entity tag. `W/` has its case; the text within quotes has commas and the like as it wishes. */
const TAG = /(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"/;
const LIST = new RegExp(`^[ \\t,]*${TAG.source}(?:[ \\t]*,[ \\t,]*${TAG.source})*[ \\t,]*$`);

/**
 * Returns whether an `If-None-Match` names the tag: `*`, or in a list, compared weakly. A condition
 * that does not parse names nothing, so that the client gets the whole.
 * @param etag a strong tag, with its quotes
 */
export function namesTag(condition: string | null, etag: string): boolean {
  if (condition === null) return false;
  if (condition.trim() === "*") return true;
  if (!LIST.test(condition)) return false;
  const tags = condition.match(new RegExp(TAG, "g")) ?? [];
  return tags.some((tag) => tag.replace(/^W\//, "") === etag);
}

/** Returns whether an `If-Range` lets a range stand: absent, or this very tag, compared strongly. */
export function allowsRange(condition: string | null, etag: string): boolean {
  return condition === null || condition.trim() === etag;
}
