/** The address under which clients reach the service, for the URLs in its answers. */
import { type Environment, readText, wrongSetting } from "../environment.ts";

/** Returns a URL without a slash at its end, to which the path of a resource is added. */
export type PublicAddress = (request: Request) => string;

/** Reads `PUBLIC_URL`; null where each request says itself how it came. */
export function readPublicUrl(environment: Environment): string | null {
  const text = readText(environment, "PUBLIC_URL");
  if (text === null) return null;
  const url = URL.parse(text);
  const isBare = url && !url.username && !url.password && !/[?#]/.test(text);
  if (isBare && /^https?:$/.test(url.protocol)) return url.href.replace(/\/+$/, "");
  const allowed = "an http or https URL without user, query and fragment, " +
    "such as https://images.example.org";
  throw wrongSetting("PUBLIC_URL", allowed, text);
}

/**
 * Returns the operator's address, or else the one that the client used. Proxies in between tell it
 * in `X-Forwarded-Proto` and `X-Forwarded-Host`, which anybody may send: they count only where the
 * operator trusts a proxy to set them.
 * @param trustedProxies how many proxies in front of the edge are believed
 */
export function publicAddressOf(
  { publicUrl, trustedProxies }: {
    readonly publicUrl: string | null;
    readonly trustedProxies: number;
  },
): PublicAddress {
  return ({ url, headers }) => {
    if (publicUrl !== null) return publicUrl;
    const own = new URL(url);
    if (trustedProxies === 0) return own.origin;
    const told = (name: string) => forwarded(headers.get(name), trustedProxies);
    const scheme = told("x-forwarded-proto")?.toLowerCase() ?? own.protocol.slice(0, -1);
    const host = told("x-forwarded-host") ?? own.host;
    return originOf(scheme, host) ?? own.origin;
  };
}

/** Returns what the outermost trusted proxy said: each appends its word, or one speaks for all. */
function forwarded(list: string | null, trustedProxies: number): string | undefined {
  const words = list?.split(",").map((word) => word.trim()).filter(Boolean) ?? [];
  return words.at(-trustedProxies) ?? words[0];
}

/** Returns null for what is no origin, such as a host with a path or a user. */
function originOf(scheme: string, host: string): string | null {
  if (!/^https?$/.test(scheme) || !/^[a-z0-9.:[\]_-]+$/i.test(host)) return null;
  return URL.parse(`${scheme}://${host}`)?.origin ?? null;
}
