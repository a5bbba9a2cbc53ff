/**
 * Where a webhook may go: not to this machine, nor to its network. Checked twice, when it is asked for by
 * how it is written, and before each call by what its name resolves to, where the platform can tell.
 */
import ipaddr from "ipaddr.js";
import { createFieldProblem, fieldIssue, type Parsed, refuse } from "../../contract/mod.ts";

const URL_LENGTH_MAX = 2_000;
/** Names that are resolved without the public name service. A name without a dot is one as well. */
const PRIVATE_SUFFIXES = ["localhost", "local", "internal", "lan", "home.arpa"];

/** @param field the one that the URL stands in, for the sentence of a refusal */
export function parseWebhookTarget(
  given: unknown,
  { allowPrivate, field }: { readonly allowPrivate: boolean; readonly field: string },
): Parsed<string> {
  const no = (allowed: string, shown: unknown = given) =>
    refuse<string>(createFieldProblem("invalid_request", [fieldIssue(field, allowed, shown)]));
  const scheme = allowPrivate ? "an http or https" : "an https";
  const wellFormed = `${scheme} URL of at most ${URL_LENGTH_MAX} characters`;
  if (typeof given !== "string" || given.length > URL_LENGTH_MAX || !URL.canParse(given)) {
    return no(wellFormed);
  }
  const url = new URL(given);
  if (url.username !== "" || url.password !== "") {
    // Not shown again: whoever receives a problem may log it.
    return no(`${wellFormed} without a user name or password`, `${url.protocol}//…@${url.host}`);
  }
  const isAllowed = url.protocol === "https:" || (allowPrivate && url.protocol === "http:");
  if (!isAllowed) return no(wellFormed);
  if (!allowPrivate && !isPublicHost(url.hostname)) return no(`${wellFormed} with a public host`);
  url.hash = "";
  return { ok: true, value: url.href };
}

/** @param hostname as `URL` writes it: IPv4 in four decimals however it was spelled, IPv6 in brackets */
function isPublicHost(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, "").replace(/\.+$/, "");
  if (ipaddr.isValid(host)) return isPublicAddress(host);
  return host.includes(".") &&
    !PRIVATE_SUFFIXES.some((suffix) => host === suffix || host.endsWith(`.${suffix}`));
}

/**
 * Whether an address belongs to the internet: unicast, and neither private, loopback, link-local (cloud
 * metadata), shared (CGNAT), reserved nor an IPv6 form that has an IPv4 address inside.
 */
export function isPublicAddress(text: string): boolean {
  if (!ipaddr.isValid(text)) return false;
  const address = ipaddr.parse(text);
  if (address.range() !== "unicast") return false;
  // Of IPv6 only 2000::/3 is given out (RFC 4291); the library calls the rest unicast as well.
  return address instanceof ipaddr.IPv4 || ((address.parts[0] ?? 0) & 0xe000) === 0x2000;
}
