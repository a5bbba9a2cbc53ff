/** Finds where a request comes from, as each platform reports it. */
import { isLoopback } from "../callers/client_network.ts";
import { forwardedAddress } from "../callers/forwarded_address.ts";
import type { AddressOf } from "../callers/identify.ts";
import type { IdentitySettings } from "../callers/identity_settings.ts";
import { isAskedHere } from "../callers/relayed_request.ts";

type Chain = Pick<IdentitySettings, "trustedProxies" | "proxyHeader">;
type Tier = Pick<IdentitySettings, "localCallers">;

const CLOUDFLARE_FIELD = "cf-connecting-ip";

/**
 * Returns the other end of the connection, or what trusted proxies report: behind those nobody is
 * local. Without a connection the app is called in this process.
 */
export function localAddress(
  { trustedProxies, proxyHeader, localCallers }: Chain & Tier,
): AddressOf {
  return (request, platform) => {
    if (trustedProxies > 0) {
      const chain = { header: proxyHeader, proxies: trustedProxies };
      return { address: forwardedAddress(request.headers, chain), isLocal: false };
    }
    const address = remoteHost(platform) ?? "127.0.0.1";
    // Here only a tunnel of Cloudflare's adds the field; wrangler adds it to every request.
    const isTunneled = request.headers.has(CLOUDFLARE_FIELD);
    const isHere = isLoopback(address) && !isTunneled && isAskedHere(request);
    return { address, isLocal: localCallers && isHere };
  };
}

/**
 * Reads Cloudflare's own header, which replaces a client's. Under wrangler it has the other end of
 * the connection, unless the client, or a tunnel, has set it.
 */
export function cloudflareAddress(
  { localCallers }: Tier,
): AddressOf {
  return (request) => {
    const address = request.headers.get(CLOUDFLARE_FIELD);
    return { address, isLocal: localCallers && isLoopback(address) && isAskedHere(request) };
  };
}

/** Reads `Deno.ServeHandlerInfo`. */
function remoteHost(platform: unknown): string | null {
  if (typeof platform !== "object" || platform === null || !("remoteAddr" in platform)) return null;
  const { remoteAddr } = platform;
  if (typeof remoteAddr !== "object" || remoteAddr === null) return null;
  return "hostname" in remoteAddr ? String(remoteAddr.hostname) : null;
}
