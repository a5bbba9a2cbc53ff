/** Media types as RFC 9110 writes them: what a client accepts, and what a body is. Pure. */
import { isTypeValid, parse } from "content-type";

const JSON_TYPE = "application/json";
const STREAM_TYPE = "text/event-stream";

export interface MediaType {
  /** In lower case, such as `application/json`. */
  readonly type: string;
  /** By their names in lower case. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** Returns null where the text is no media type. */
export function parseMediaType(text: string): MediaType | null {
  const { type, parameters } = parse(text);
  return isTypeValid(type) ? { type, parameters } : null;
}

/** Whether a charset's name is one of those of UTF-8. */
export function isUtf8(charset: string): boolean {
  return /^utf-?8$/i.test(charset);
}

/**
 * Returns whether the client asks for a stream: `text/event-stream` or `text/*` is in its `Accept`,
 * with a weight above 0 that is no lower than that of JSON. Whoever takes anything gets JSON. Parts
 * that do not parse are passed over, as if they were not there.
 */
export function acceptsStream(accept: string | null | undefined): boolean {
  const ranges = parseAccept(accept ?? "");
  const isNamed = ranges.some(({ range }) => range !== "*/*" && covers(range, STREAM_TYPE));
  const weight = weightOf(ranges, STREAM_TYPE);
  return isNamed && weight > 0 && weight >= weightOf(ranges, JSON_TYPE);
}

interface MediaRange {
  /** In lower case, such as `text/*`. */
  readonly range: string;
  /** From 0 to 1. */
  readonly weight: number;
  /** A range with more parameters names fewer types. */
  readonly parameters: number;
}

const WEIGHT = /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/;

function parseAccept(accept: string): readonly MediaRange[] {
  const ranges: MediaRange[] = [];
  for (let start = 0; start < accept.length;) {
    const { type, parameters: { q = "1", ...others }, index } = parse(accept, {
      comma: true,
      start,
    });
    start = index + 1;
    if (!isTypeValid(type) || !WEIGHT.test(q) || !areOurs(others)) continue;
    ranges.push({ range: type, weight: Number(q), parameters: Object.keys(others).length });
  }
  return ranges;
}

/** All text here is UTF-8, and has no other parameter. */
function areOurs(parameters: MediaType["parameters"]): boolean {
  return Object.entries(parameters).every(([name, value]) => name === "charset" && isUtf8(value));
}

/** The most specific range decides, and among alike ones the highest weight. 0: not accepted. */
function weightOf(ranges: readonly MediaRange[], type: string): number {
  const specificity = ({ range, parameters }: MediaRange) =>
    range === "*/*" ? 0 : range.endsWith("/*") ? 1 : 2 + parameters;
  const [best] = ranges.filter(({ range }) => covers(range, type)).sort((one, other) =>
    specificity(other) - specificity(one) || other.weight - one.weight
  );
  return best?.weight ?? 0;
}

function covers(range: string, type: string): boolean {
  return range === "*/*" || range === type || range === `${type.split("/")[0]}/*`;
}
