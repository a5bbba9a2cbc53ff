/**
 * Adds, warms, lists and removes curated demos.
 * `deno task demos --help`
 */
import type { GenerationRequest } from "../../contract/mod.ts";
import { type Demo, demoStatements, type ListedDemo, listedDemos } from "../../db/demo_queries.ts";
import {
  COMMAND_WORLD,
  type CommandWorld,
  DATABASE_FLAGS,
  DATABASE_HELP,
  type DatabaseChoice,
  runStatement,
} from "../service/edge_database.ts";
import { parseCommandLine, REQUEST_HELP } from "../command_line/request_flags.ts";
import {
  CommandFailure,
  parseStrictly,
  refuseExtra,
  runCommand,
  unknownCommand,
  UsageError,
} from "../command_line/command_line.ts";

const HELP = `deno task demos <command> [options]

  add SLUG "PROMPT" --title TITLE   draws it through the running service, unless it is stored
                                    already, and pins it; a slug that is taken changes
  warm                              draws those again that are no longer stored, as after a change
                                    of the model
  list                              all demos, and whether they are stored
  remove SLUG                       its result stays, pinned no longer

  --url URL         the running service (default http://127.0.0.1:8787)
  --key KEY         an API key for it; also SHAPEFIRST_KEY
${DATABASE_HELP}

add also takes what describes a generation:
${REQUEST_HELP}`;

const DEFAULT_URL = "http://127.0.0.1:8787";
const OWN_FLAGS = {
  title: { type: "string" },
  url: { type: "string" },
  key: { type: "string" },
  ...DATABASE_FLAGS,
} as const;

export interface DemoWorld extends CommandWorld {
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
}

/** @throws UsageError with one sentence for what was typed, CommandFailure for what did not work */
export async function runDemos(args: readonly string[], world: DemoWorld): Promise<void> {
  const [command, ...rest] = args;
  if (args.includes("--help") || args.includes("-h")) return world.say(HELP);
  switch (command) {
    case "add":
      return await add(rest, world);
    case "warm":
      return await warm(readFlags(rest, 0).values, world);
    case "list":
      return await list(readFlags(rest, 0).values, world);
    case "remove":
      return await remove(rest, world);
    default:
      throw unknownCommand(["add", "warm", "list", "remove"], command);
  }
}

interface Values extends DatabaseChoice {
  readonly title?: string;
  readonly url?: string;
  readonly key?: string;
}

function readFlags(args: readonly string[], words: number) {
  const { values, positionals } = parseStrictly(args, OWN_FLAGS);
  refuseExtra(positionals[words]);
  return { values, positionals };
}

async function add([slug = "", ...args]: readonly string[], world: DemoWorld): Promise<void> {
  const { request, values: given } = parseCommandLine(args, OWN_FLAGS);
  // Help is shown before any command runs.
  if (!request) return;
  const values = given as Values;
  const title = values.title ?? "";
  if (!/^[a-z0-9][a-z0-9-]{0,63}$/.test(slug)) {
    const rule = "1 to 64 lower-case letters, digits and hyphens";
    throw new UsageError(`The slug must be ${rule}, given ${JSON.stringify(slug)}`);
  }
  if (!/^[^\p{Cc}]{1,120}$/u.test(title)) {
    const rule = "1 to 120 characters on one line";
    throw new UsageError(`--title must be ${rule}, given ${JSON.stringify(title)}`);
  }
  const { id, seed } = await draw(request, values, world);
  await put({ slug, title, request: { ...request, seed }, generation_id: id }, values, world);
}

async function warm(values: Values, world: DemoWorld): Promise<void> {
  if (values.remote) throw new UsageError("warm needs the database itself, not --remote");
  const cold = (await find(values, world) ?? []).filter(({ result }) => result === null);
  for (const { slug, title, request } of cold) {
    const { id } = await draw(request, values, world);
    await put({ slug, title, request, generation_id: id }, values, world);
  }
  if (cold.length === 0) world.say("All demos are stored");
}

async function list(values: Values, world: DemoWorld): Promise<void> {
  const demos = await find(values, world);
  if (demos?.length === 0) world.say("There is no demo yet");
  for (const { slug, title, generation_id, result } of demos ?? []) {
    const state = result ? "stored" : "to be warmed";
    world.say(`${slug}  ${generation_id.slice(0, 12)}  ${state}  ${title}`);
  }
}

async function remove(args: readonly string[], world: DemoWorld): Promise<void> {
  const { values, positionals: [slug = ""] } = readFlags(args, 1);
  const removed = await runStatement(values, world, (db) => demoStatements.remove(db, slug));
  if (removed?.length === 0) throw new UsageError(`There is no demo ${JSON.stringify(slug)}`);
  if (removed) world.say(`${slug} is removed; its result stays until it is trimmed`);
}

async function find(values: Values, world: DemoWorld): Promise<readonly ListedDemo[] | null> {
  const rows = await runStatement(values, world, demoStatements.list);
  return rows && listedDemos(rows);
}

async function put(demo: Demo, values: Values, world: DemoWorld): Promise<void> {
  const now = world.now();
  const done = await runStatement(values, world, (db) => demoStatements.put(db, demo, now));
  if (done) world.say(`${demo.slug}  ${demo.generation_id.slice(0, 12)}  ${demo.title}`);
}

/** The service draws the image, or answers from its cache. */
async function draw(
  request: GenerationRequest,
  { url = DEFAULT_URL, key }: Values,
  world: DemoWorld,
): Promise<{ readonly id: string; readonly seed: number }> {
  const secret = key ?? world.environment("SHAPEFIRST_KEY");
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? "")) {
    throw new UsageError(`--url must begin with http:// or https://, given ${JSON.stringify(url)}`);
  }
  // A paced answer comes from the database; a cache near the reader could be out of date.
  const response = await world.fetch(`${url.replace(/\/+$/, "")}/v1/generations?pace=live`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json",
      ...(secret === undefined ? {} : { authorization: `Bearer ${secret}` }),
    },
    body: JSON.stringify(request),
  }).catch((cause) => {
    throw new CommandFailure(`No service answers at ${url}: deno task start begins one`, { cause });
  });
  const body = await response.json().catch(() => ({ detail: "no JSON, so this is no edge" }));
  if (!response.ok) {
    throw new CommandFailure(`The service refused (${response.status}): ${body.detail}`);
  }
  return { id: body.id, seed: body.seed };
}

if (import.meta.main) {
  const world = { ...COMMAND_WORLD, fetch: (url: string, init: RequestInit) => fetch(url, init) };
  await runCommand(() => runDemos(Deno.args, world));
}
