/** Reads a JSON body within bounds and refuses as early as possible. */
import {
  createProblem,
  LIMITS,
  type Parsed,
  refuse,
  refuseBodyFields,
} from "../../contract/mod.ts";

/** Checks the header fields first, then size (declared and real), then characters and syntax. */
export async function readJsonBody(request: Request): Promise<Parsed<unknown>> {
  const { headers } = request;
  const refusal = refuseBodyFields({
    type: headers.get("content-type"),
    encoding: headers.get("content-encoding"),
  });
  if (refusal) return refuse(refusal);
  const declared = Number(headers.get("content-length") ?? 0);
  if (declared > LIMITS.requestBodyBytes) return bodyTooLarge(`${declared}`);
  const bytes = await readBytes(request.body, LIMITS.requestBodyBytes);
  if (!bytes) return bodyTooLarge("more");
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    const value: unknown = JSON.parse(text);
    return { ok: true, value };
  } catch {
    const detail = bytes.length === 0
      ? "The body must be JSON in UTF-8, given nothing"
      : "The body must be JSON in UTF-8, given something that does not parse";
    return refuse(createProblem("invalid_json", detail));
  }
}

export function bodyTooLarge(given: string): Parsed<never> {
  const detail = `The body must be at most ${LIMITS.requestBodyBytes} bytes, given ${given}`;
  return refuse(createProblem("body_too_large", detail));
}

/** Returns null when there is more than the maximum; the rest is not read. */
export async function readBytes(
  body: ReadableStream<Uint8Array> | null,
  max: number,
): Promise<Uint8Array<ArrayBuffer> | null> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body ?? []) {
    length += chunk.length;
    if (length > max) return null;
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}
