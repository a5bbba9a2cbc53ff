/** Identity and limits in one process, where every count is local. */
import type { SqlDatabase } from "../../../db/result_queries.ts";
import { createLocalLimiters } from "../../limits/local_limiters.ts";
import type { Log } from "../../observability/log.ts";
import type { EdgeSettings } from "../../settings.ts";
import { type Access, createAccess } from "../access.ts";
import { localAddress } from "../client_address.ts";
import { drawSalt } from "../random.ts";

export interface LocalAccessPorts {
  readonly database: SqlDatabase;
  readonly settings: EdgeSettings;
  readonly log: Log;
  readonly keepAlive: (work: Promise<unknown>) => void;
}

export function createLocalAccess(ports: LocalAccessPorts): Access {
  const { identity } = ports.settings;
  const salt = identity.addressSalt ?? drawSalt();
  const now = () => Date.now();
  return createAccess({
    ...ports,
    limiters: createLocalLimiters(now),
    addressOf: localAddress(identity),
    addressSalt: () => Promise.resolve(salt),
    now,
  });
}
