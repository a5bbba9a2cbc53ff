/**
 * Checks that a webhook goes outside this machine and its network. This happens twice: to the URL
 * as written, when it is asked for; and to the addresses of its name, before each call, where the
 * platform can resolve names.
 */
import ipaddr from "ipaddr.js";
import { createFieldProblem, fieldIssue, type Parsed, refuse } from "../../contract/mod.ts";

const URL_LENGTH_MAX = 2_000;
/** Names that are resolved without the public name service, besides names without a dot. */
const PRIVATE_SUFFIXES = ["localhost", "local", "internal", "lan", "home.arpa"];

/** @param field names the URL in the sentence of a refusal */
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
    // The password stays out of the problem, which its receiver may log.
    return no(`${wellFormed} without a user name or password`, `${url.protocol}//…@${url.host}`);
  }
  const isAllowed = url.protocol === "https:" || (allowPrivate && url.protocol === "http:");
  if (!isAllowed) return no(wellFormed);
  if (!allowPrivate && !isPublicHost(url.hostname)) return no(`${wellFormed} with a public host`);
  url.hash = "";
  return { ok: true, value: url.href };
}

/**
 * @param hostname as `URL` writes it: IPv4 in four decimals however it was spelled, IPv6 in
 * brackets
 */
function isPublicHost(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, "").replace(/\.+$/, "");
  if (ipaddr.isValid(host)) return isPublicAddress(host);
  return host.includes(".") &&
    !PRIVATE_SUFFIXES.some((suffix) => host === suffix || host.endsWith(`.${suffix}`));
}

/**
 * Returns whether an address belongs to the internet: it is unicast, but not private, loopback,
 * link-local (cloud metadata), shared (CGNAT), reserved or an IPv6 form with an IPv4 address
 * inside.
 */
export function isPublicAddress(text: string): boolean {
  if (!ipaddr.isValid(text)) return false;
  const address = ipaddr.parse(text);
  if (address.range() !== "unicast") return false;
  // The library calls all of IPv6 unicast, but only 2000::/3 is given out (RFC 4291).
  return address instanceof ipaddr.IPv4 || ((address.parts[0] ?? 0) & 0xe000) === 0x2000;
}
