/** What a request shows of its way here: whether somebody on this machine asked by themselves. Pure. */
import { isLoopback } from "./client_network.ts";

/** Fields that something in between adds, besides all that begin with `x-forwarded-`. */
const RELAY_FIELDS: readonly string[] = [
  "forwarded",
  "via",
  "x-real-ip",
  "x-client-ip",
  "x-cluster-client-ip",
  "x-original-forwarded-for",
  "true-client-ip",
  "cdn-loop",
  "cf-ray",
];

/**
 * Returns whether the request bears no mark of a relay, asks this machine by a name of its own, and
 * comes from no page elsewhere. A relay that leaves no mark cannot be told from a local caller.
 */
export function isAskedHere({ headers, url }: Pick<Request, "headers" | "url">): boolean {
  if (isRelayed(headers)) return false;
  const host = headers.get("host");
  const hosts = host === null ? [url] : [url, `http://${host}`];
  return hosts.every(isOfThisMachine) && isFromHere(headers);
}

function isRelayed(headers: Headers): boolean {
  return [...headers.keys()].some((name) =>
    name.startsWith("x-forwarded-") || RELAY_FIELDS.includes(name)
  );
}

/** Browsers leave out the origin of what a page embeds, but say that it is elsewhere. */
function isFromHere(headers: Headers): boolean {
  const page = headers.get("origin") ?? headers.get("referer");
  if (page !== null) return isOfThisMachine(page);
  return headers.get("sec-fetch-site") !== "cross-site";
}

function isOfThisMachine(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { hostname } = new URL(url);
  const isName = hostname === "localhost" || hostname.endsWith(".localhost");
  return isName || isLoopback(hostname.replace(/^\[|\]$/g, ""));
}
