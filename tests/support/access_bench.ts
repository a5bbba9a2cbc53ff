/** An edge with tight limits and three API keys, and requests from addresses of a case's choice. */
import assert from "node:assert/strict";
import { runKeys } from "../../scripts/cli/keys.ts";
import type { ConformanceClient } from "./conformance_client.ts";
import type { Edge, Platform } from "./edges.ts";
import type { GpuDouble } from "./gpu_double.ts";
import { withClient } from "./ground.ts";

export interface AccessBench {
  readonly edge: Edge;
  readonly gpu: GpuDouble;
  /** Makes requests that no other case makes. */
  readonly client: ConformanceClient;
  /** Whole keys. The account of `other` may have one generation at a time. */
  readonly keys: { readonly own: string; readonly other: string; readonly revoked: string };
  /** Headers with a client address, by default one that no other case uses. */
  from(address?: string): Record<string, string>;
}

export const WEBHOOK_ENVIRONMENT = {
  WEBHOOK_SECRET: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
  WEBHOOK_ALLOW_PRIVATE: "1",
};

export const ENVIRONMENT = {
  ...WEBHOOK_ENVIRONMENT,
  TRUSTED_PROXIES: "1",
  ANONYMOUS_LIMITS: "requests=20,evaluations=100,concurrent=1",
  KEY_LIMITS: "requests=10000,evaluations=100000,concurrent=50",
};

export const withKey = (key: string) => ({ authorization: `Bearer ${key}` });

/** The account of a whole key. */
export const accountOf = (key: string) => `key_${key.slice(3, 19)}`;

export async function withAccessBench(
  { start, addressHeader, execute }: Platform,
  test: (bench: AccessBench) => Promise<void>,
): Promise<void> {
  await withClient(start, async (client, edge, { dataDir }) => {
    const keys = await createKeys((sql) => execute(dataDir, sql));
    let addresses = 0;
    const from = (address = `198.51.100.${++addresses}`) => ({ [addressHeader]: address });
    await test({ edge, gpu: client.gpu, client, keys, from });
  }, { environment: ENVIRONMENT });
}

/** Creates keys by the statements that the command line prints for a remote database. */
export async function createKeys(
  execute: (sql: string) => Promise<void>,
): Promise<AccessBench["keys"]> {
  const statements: string[] = [];
  const run = async (...args: string[]) => {
    const said: string[] = [];
    const world = {
      say: (line: string) => void said.push(line),
      now: () => 1_700_000_000_000,
      environment: () => undefined,
    };
    await runKeys([...args, "--remote"], world);
    const [sql = "", key = ""] = said;
    statements.push(sql.replace(/;$/, ""));
    return key;
  };
  const own = await run("create", "--name", "own");
  const other = await run("create", "--name", "other", "--limits", "concurrent=1");
  const revoked = await run("create", "--name", "revoked");
  await run("revoke", accountOf(revoked));
  await execute(statements.join(";\n"));
  assert(own !== other);
  return { own, other, revoked };
}
