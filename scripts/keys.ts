/**
 * API keys: create, list, revoke.
 * `deno task keys --help`
 */
import { drizzle } from "drizzle-orm/sqlite-proxy";
import { parseArgs } from "node:util";
import { keyStatements, type StoredKey } from "../db/key_queries.ts";
import type { SqlDatabase } from "../db/queries.ts";
import { openLibsqlDatabase } from "../edge/adapters/libsql_database.ts";
import { formatApiKey, makeApiKey } from "../edge/identity/api_key.ts";
import { LIMITS_RULE, parseLimits } from "../edge/limits/limit_settings.ts";
import { UsageError } from "./generation_flags.ts";
import { inlineParameters, openLocalD1 } from "./local_d1.ts";

const HELP = `deno task keys <command> [options]

  create --name NAME [--limits LIMITS]   makes a key and shows it, this once
  list                                   all keys, without what proves them
  revoke KEY                             ends one by its id, such as key_0123456789abcdef;
                                         edges that have seen it know after 5 seconds

  --limits LIMITS   instead of KEY_LIMITS: requests=N,evaluations=N (a minute),concurrent=N
  --data DIR        the folder whose local D1 it is (default .data; also DATA_DIR)
  --database FILE   a SQLite file instead: shapefirst.sqlite in the data folder of start:deno
  --remote          does nothing but print the statement, for the deployed D1:
                    npx wrangler d1 execute DB --remote --config edge/wrangler.jsonc --command "…"
`;

type Statements = Pick<SqlDatabase, "select" | "insert" | "update">;

export interface KeyWorld {
  readonly say: (line: string) => void;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly environment: (name: string) => string | undefined;
}

/** @throws UsageError with one sentence for what was typed */
export async function runKeys(args: readonly string[], world: KeyWorld): Promise<void> {
  const { values, positionals: [command, ...rest] } = readArguments(args);
  if (values.help) return world.say(HELP);
  const id = rest[0];
  const extra = rest[command === "revoke" ? 1 : 0];
  if (extra !== undefined) throw new UsageError(`There is no place for ${JSON.stringify(extra)}`);
  switch (command) {
    case "create": {
      const key = await makeKey(values, world);
      await execute(values, world, (database) => keyStatements.create(database, key.stored));
      world.say(key.text);
      return;
    }
    case "list":
      return await list(values, world);
    case "revoke":
      return await revoke(values, world, id);
    default: {
      const given = command === undefined ? "none" : JSON.stringify(command);
      throw new UsageError(`Give one of create, list, revoke, given ${given}`);
    }
  }
}

type Values = ReturnType<typeof readArguments>["values"];

function readArguments(args: readonly string[]) {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  const options = {
    name: text,
    limits: text,
    data: text,
    database: text,
    remote: flag,
    help: flag,
  };
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options });
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause));
  }
}

async function makeKey(
  { name = "", limits }: Values,
  { now }: KeyWorld,
): Promise<{ readonly stored: StoredKey; readonly text: string }> {
  if (!/^[^\p{Cc}]{1,80}$/u.test(name)) {
    throw new UsageError(
      `--name must be 1 to 80 characters on one line, given ${JSON.stringify(name)}`,
    );
  }
  const given = limits === undefined ? null : parseLimits(limits);
  if (limits !== undefined && given === null) {
    throw new UsageError(`--limits must be ${LIMITS_RULE}, given ${JSON.stringify(limits)}`);
  }
  const draw = (length: number) => crypto.getRandomValues(new Uint8Array(length));
  const { key, proof } = await makeApiKey({ id: draw(8), secret: draw(32), salt: draw(16) });
  const stored = {
    id: key.id,
    name,
    ...proof,
    limits: given,
    created_at: now(),
    revoked_at: null,
  };
  return { stored, text: formatApiKey(key) };
}

async function list(values: Values, world: KeyWorld): Promise<void> {
  const keys = await execute(values, world, keyStatements.list);
  if (keys === null) return;
  if (keys.length === 0) world.say("There is no key yet");
  for (const { id, name, limits, created_at, revoked_at } of keys) {
    const state = revoked_at === null ? "in use" : `revoked ${dayOf(revoked_at)}`;
    const own = limits === null ? "" : `  ${JSON.stringify(limits)}`;
    world.say(`${id}  created ${dayOf(created_at)}  ${state}  ${name}${own}`);
  }
}

async function revoke(values: Values, world: KeyWorld, id = ""): Promise<void> {
  if (!/^key_[0-9a-f]{16}$/.test(id)) {
    // A whole key would be a secret: it is not repeated.
    const given = id.startsWith("sf_") ? "a whole key" : JSON.stringify(id);
    throw new UsageError(
      `revoke must have the id of a key, key_ and 16 hex digits, given ${given}`,
    );
  }
  const now = world.now();
  const revoked = await execute(
    values,
    world,
    (database) => keyStatements.revoke(database, id, now),
  );
  if (revoked === null) return;
  const [key] = revoked;
  if (!key) throw new UsageError(`There is no key ${id}`);
  world.say(`${key.id} (${key.name}) is revoked`);
}

interface Statement<Result> extends PromiseLike<Result> {
  toSQL(): { readonly sql: string; readonly params: readonly unknown[] };
}

/** The statement's result, or null where it was printed instead. */
async function execute<Result>(
  { remote, database: file, data }: Values,
  { say, environment }: KeyWorld,
  build: (database: Statements) => Statement<Result>,
): Promise<Result | null> {
  if (remote) {
    const { sql, params } = build(drizzle(() => Promise.resolve({ rows: [] }))).toSQL();
    say(`${inlineParameters(sql, params)};`);
    return null;
  }
  if (file === undefined) {
    return await build(await openLocalD1(data ?? environment("DATA_DIR") ?? ".data"));
  }
  const { database, close } = await openLibsqlDatabase(`file:${file}`);
  try {
    return await build(database);
  } finally {
    close();
  }
}

function dayOf(epochMs: number): string {
  return new Date(epochMs).toISOString().slice(0, 10);
}

if (import.meta.main) {
  try {
    await runKeys(Deno.args, {
      say: (line) => console.log(line),
      now: () => Date.now(),
      environment: (name) => Deno.env.get(name),
    });
  } catch (cause) {
    console.error(cause instanceof Error ? cause.message : cause);
    Deno.exit(cause instanceof UsageError ? 2 : 1);
  }
}
