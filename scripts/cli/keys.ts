/**
 * Creates, lists and revokes API keys.
 * `deno task keys --help`
 */
import { keyStatements, type StoredKey } from "../../db/key_queries.ts";
import { formatApiKey, makeApiKey } from "../../edge/callers/api_key.ts";
import { LIMITS_RULE, parseLimits } from "../../edge/limits/limit_settings.ts";
import {
  COMMAND_WORLD,
  type CommandWorld,
  DATABASE_FLAGS,
  DATABASE_HELP,
  runStatement,
} from "../service/edge_database.ts";
import {
  parseStrictly,
  refuseExtra,
  runCommand,
  unknownCommand,
  UsageError,
} from "../command_line/command_line.ts";

const HELP = `deno task keys <command> [options]

  create --name NAME [--limits LIMITS]   makes a key and shows it, this once
  list                                   all keys, without what proves them
  revoke KEY                             ends one by its id, such as key_0123456789abcdef;
                                         edges that have seen it know after 5 seconds

  --limits LIMITS   instead of KEY_LIMITS: requests=N,evaluations=N (a minute),concurrent=N
${DATABASE_HELP}
`;

/** @throws UsageError with one sentence for what was typed */
export async function runKeys(args: readonly string[], world: CommandWorld): Promise<void> {
  const { values, positionals: [command, ...rest] } = readArguments(args);
  if (values.help) return world.say(HELP);
  const id = rest[0];
  refuseExtra(rest[command === "revoke" ? 1 : 0]);
  switch (command) {
    case "create": {
      const key = await makeKey(values, world);
      await runStatement(values, world, (database) => keyStatements.create(database, key.stored));
      world.say(key.text);
      return;
    }
    case "list":
      return await list(values, world);
    case "revoke":
      return await revoke(values, world, id);
    default:
      throw unknownCommand(["create", "list", "revoke"], command);
  }
}

type Values = ReturnType<typeof readArguments>["values"];

function readArguments(args: readonly string[]) {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  const options = {
    name: text,
    limits: text,
    ...DATABASE_FLAGS,
    help: flag,
  };
  return parseStrictly(args, options);
}

async function makeKey(
  { name = "", limits }: Values,
  { now }: CommandWorld,
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

async function list(values: Values, world: CommandWorld): Promise<void> {
  const keys = await runStatement(values, world, keyStatements.list);
  if (keys === null) return;
  if (keys.length === 0) world.say("There is no key yet");
  for (const { id, name, limits, created_at, revoked_at } of keys) {
    const state = revoked_at === null ? "in use" : `revoked ${dayOf(revoked_at)}`;
    const own = limits === null ? "" : `  ${JSON.stringify(limits)}`;
    world.say(`${id}  created ${dayOf(created_at)}  ${state}  ${name}${own}`);
  }
}

async function revoke(values: Values, world: CommandWorld, id = ""): Promise<void> {
  if (!/^key_[0-9a-f]{16}$/.test(id)) {
    // A whole key is a secret, so it is not repeated.
    const given = id.startsWith("sf_") ? "a whole key" : JSON.stringify(id);
    throw new UsageError(
      `revoke must have the id of a key, key_ and 16 hex digits, given ${given}`,
    );
  }
  const now = world.now();
  const revoked = await runStatement(
    values,
    world,
    (database) => keyStatements.revoke(database, id, now),
  );
  if (revoked === null) return;
  const [key] = revoked;
  if (!key) throw new UsageError(`There is no key ${id}`);
  world.say(`${key.id} (${key.name}) is revoked`);
}

function dayOf(epochMs: number): string {
  return new Date(epochMs).toISOString().slice(0, 10);
}

if (import.meta.main) await runCommand(() => runKeys(Deno.args, COMMAND_WORLD));
