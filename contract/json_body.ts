/** What the header fields of a JSON body may say, the same at every door. Pure. */
import { isUtf8, parseMediaType } from "./media_type.ts";
import { createProblem, type Problem, showGiven } from "./problem.ts";

/** Returns null where the fields are those of plain JSON in UTF-8. */
export function refuseBodyFields(
  { type, encoding }: {
    /** `Content-Type` */
    readonly type: string | null | undefined;
    /** `Content-Encoding` */
    readonly encoding: string | null | undefined;
  },
): Problem | null {
  const given = parseMediaType(type ?? "");
  if (given?.type !== "application/json") {
    return refused(`Content-Type must be application/json, given ${showGiven(type || undefined)}`);
  }
  const { charset = "utf-8" } = given.parameters;
  if (!isUtf8(charset)) {
    return refused(`The charset of Content-Type must be UTF-8, given ${showGiven(charset)}`);
  }
  if (/^\s*(?:identity\s*)?$/i.test(encoding ?? "")) return null;
  return refused(`A body must come without Content-Encoding, given ${showGiven(encoding)}`);
}

function refused(detail: string): Problem {
  return createProblem("unsupported_media_type", detail);
}
