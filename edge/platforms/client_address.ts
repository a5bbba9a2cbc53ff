/** Finds where a request comes from, as each platform reports it. */
import { forwardedAddress } from "../callers/client_network.ts";
import type { ClientAddress } from "../callers/identify.ts";

type AddressOf = (request: Request, platform: unknown) => ClientAddress;

/**
 * Returns the other end of the connection, or what trusted proxies report. Without a connection the
 * app is called in this process.
 */
export function localAddress(trustedProxies: number): AddressOf {
  return ({ headers }, platform) => {
    if (trustedProxies > 0) {
      const address = forwardedAddress(headers.get("x-forwarded-for"), trustedProxies);
      return { address, isRelayed: false };
    }
    return { address: remoteHost(platform) ?? "127.0.0.1", isRelayed: isRelayed(headers) };
  };
}

/** Reads Cloudflare's own header, which replaces a client's. */
export const cloudflareAddress: AddressOf = ({ headers }) => ({
  address: headers.get("cf-connecting-ip"),
  isRelayed: isRelayed(headers),
});

function isRelayed(headers: Headers): boolean {
  return ["x-forwarded-for", "forwarded", "via"].some((name) => headers.has(name));
}

/** Reads `Deno.ServeHandlerInfo`. */
function remoteHost(platform: unknown): string | null {
  if (typeof platform !== "object" || platform === null || !("remoteAddr" in platform)) return null;
  const { remoteAddr } = platform;
  if (typeof remoteAddr !== "object" || remoteAddr === null) return null;
  return "hostname" in remoteAddr ? String(remoteAddr.hostname) : null;
}
