/** Where a request comes from, as each platform tells it. */
import { forwardedAddress } from "../callers/client_network.ts";
import type { ClientAddress } from "../callers/identify.ts";

type AddressOf = (request: Request, platform: unknown) => ClientAddress;

/**
 * The other end of the connection, or what trusted proxies say of it. Without a connection the app is
 * called in this process.
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

/** Cloudflare's own header: a client's is replaced. */
export const cloudflareAddress: AddressOf = ({ headers }) => ({
  address: headers.get("cf-connecting-ip"),
  isRelayed: isRelayed(headers),
});

function isRelayed(headers: Headers): boolean {
  return ["x-forwarded-for", "forwarded", "via"].some((name) => headers.has(name));
}

/** `Deno.ServeHandlerInfo`. */
function remoteHost(platform: unknown): string | null {
  if (typeof platform !== "object" || platform === null || !("remoteAddr" in platform)) return null;
  const { remoteAddr } = platform;
  if (typeof remoteAddr !== "object" || remoteAddr === null) return null;
  return "hostname" in remoteAddr ? String(remoteAddr.hostname) : null;
}
