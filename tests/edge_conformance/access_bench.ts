/** An edge with tight limits and three API keys, and requests that come from where a case says. */
import assert from "node:assert/strict";
import { openLibsqlDatabase } from "../../edge/platforms/deno/libsql_database.ts";
import { runKeys } from "../../scripts/cli/keys.ts";
import { executeLocally } from "../../scripts/service/local_d1.ts";
import { ConformanceClient } from "./conformance_client.ts";
import { type Edge, type EdgeOptions, startDeno, startInProcess, startWorkerd } from "./edges.ts";
import { GpuDouble } from "./gpu_double.ts";
import { publishFixtureModel } from "./published_model.ts";

export type Platform = "in process" | "on Deno" | "on workerd";

export interface AccessBench {
  readonly edge: Edge;
  readonly gpu: GpuDouble;
  /** For requests that no other case makes. */
  readonly client: ConformanceClient;
  /** Whole keys; the other may have one generation at a time. */
  readonly keys: { readonly own: string; readonly other: string; readonly revoked: string };
  /** An address that no other case comes from, as headers. */
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
  platform: Platform,
  test: (bench: AccessBench) => Promise<void>,
): Promise<void> {
  const assets = await publishFixtureModel();
  const dataDir = await Deno.makeTempDir({ prefix: "shapefirst_data_" });
  const gpu = new GpuDouble().listen();
  const started = await START[platform]({
    gpuUrl: gpu.url,
    assets,
    dataDir,
    environment: ENVIRONMENT,
  });
  try {
    const keys = await createKeys(started.execute);
    let addresses = 0;
    const name = platform === "on workerd" ? "cf-connecting-ip" : "x-forwarded-for";
    await test({
      edge: started.edge,
      gpu,
      client: new ConformanceClient(started.edge, gpu, 1),
      keys,
      from: (address) => ({ [name]: address ?? `198.51.100.${++addresses}` }),
    });
  } finally {
    // First: an edge waits for the runs that a case has left.
    await gpu.close();
    await started.stop();
    for (const folder of [assets, dataDir]) await Deno.remove(folder, { recursive: true });
  }
}

interface Started {
  readonly edge: Edge;
  /** Statements on its database, while it runs. */
  execute(sql: string): Promise<void>;
  stop(): Promise<void>;
}

const START: Readonly<Record<Platform, (options: EdgeOptions) => Promise<Started>>> = {
  "in process": startInFile,
  "on Deno": async (options) => {
    const edge = await startDeno(options);
    const execute = async (sql: string) => {
      // Only for the moment: an open statement would lock the edge out.
      const file = await openFile(options.dataDir);
      await file.execute(sql).finally(file.close);
    };
    return { edge, execute, stop: () => edge.stop() };
  },
  "on workerd": async (options) => {
    const edge = await startWorkerd(options);
    const execute = async (sql: string) => void await executeLocally(options.dataDir, sql);
    return { edge, execute, stop: () => edge.stop() };
  },
};

async function startInFile(options: EdgeOptions): Promise<Started> {
  const { database, execute, close } = await openFile(options.dataDir);
  const edge = await startInProcess({ ...options, database });
  return { edge, execute, stop: () => edge.stop().finally(close) };
}

async function openFile(dataDir: string) {
  const { database, close } = await openLibsqlDatabase(`file:${dataDir}/shapefirst.sqlite`);
  const execute = async (sql: string) => {
    for (const statement of sql.split(";\n")) await database.run(statement);
  };
  return { database, execute, close };
}

/** By the statements that the command line prints for a database elsewhere. */
async function createKeys(execute: Started["execute"]): Promise<AccessBench["keys"]> {
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
