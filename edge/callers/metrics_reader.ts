/** Who may read the counters of an edge that is one process: its operator, and nobody else. */
import { timingSafeEqual } from "hono/utils/buffer";
import type { AddressOf } from "./identify.ts";

type MayRead = (request: Request, platform: unknown) => Promise<boolean>;

/** @param token opens them to whoever sends it; null to none but local callers */
export function createMayReadMetrics(token: string | null, addressOf: AddressOf): MayRead {
  return async (request, platform) => {
    const header = request.headers.get("authorization");
    if (header === null) return addressOf(request, platform).isLocal;
    const [, given] = /^bearer +(\S+)$/i.exec(header.trim()) ?? [];
    return token !== null && given !== undefined && await timingSafeEqual(given, token);
  };
}
