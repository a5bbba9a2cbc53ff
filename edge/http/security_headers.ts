/** Lets browsers show an answer of the API, and do nothing else. The page has its own rules. */
import type { MiddlewareHandler } from "hono";
import { secureHeaders } from "hono/secure-headers";

/** @param shared whether pages of any origin may use the answers, images among them */
export function securityHeaders(shared: boolean): MiddlewareHandler {
  return secureHeaders({
    contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
    crossOriginResourcePolicy: shared ? "cross-origin" : "same-origin",
    strictTransportSecurity: "max-age=15552000",
    xFrameOptions: "DENY",
    // A contact sheet has a policy of its own.
    overwrite: false,
  });
}
