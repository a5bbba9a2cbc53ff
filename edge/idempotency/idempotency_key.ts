/** Reads `Idempotency-Key`: bare, as Stripe takes it, or in quotes, as the IETF draft has it. */
import { createFieldProblem, fieldIssue, type Parsed, refuse } from "../../contract/mod.ts";

const KEY = /^[\x20-\x7e]{1,255}$/;
/** RFC 8941, section 3.3.3: only a quote and a backslash are escaped. */
const QUOTED = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/;

/** Reads both spellings of a key as one key. Null without the header. */
export function readIdempotencyKey(header: string | null): Parsed<string | null> {
  if (header === null) return { ok: true, value: null };
  const text = header.trim();
  const quoted = QUOTED.exec(text)?.[1]?.replace(/\\(.)/g, "$1");
  const key = quoted ?? (text.startsWith('"') ? "" : text);
  if (KEY.test(key)) return { ok: true, value: key };
  const allowed = '1 to 255 printable ASCII characters, bare or as a string in "quotes"';
  return refuse(
    createFieldProblem("invalid_request", [fieldIssue("Idempotency-Key", allowed, header)]),
  );
}
