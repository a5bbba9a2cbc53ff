// The database's file is damaged under a running edge: nothing that is sent may be wrong.
import assert from "node:assert/strict";
import { ConformanceClient, idOf, readFrames } from "../support/conformance_client.ts";
import { type EdgeOptions, PLATFORMS, startDeno } from "../support/edges.ts";
import { withGround } from "../support/ground.ts";
import { IS_LONG } from "./call_faults.ts";
import { drawNumbers, printedSeed } from "./chance.ts";
import { assertWhole, sha256Of, undisturbedSha256, UNLIMITED, withProcess } from "./stage.ts";

const draw = drawNumbers(printedSeed("damage_test"));

const PIECES = 40;
const PIECE_BYTES = 600;
const STORED = 6;

type Damage = (path: string) => void;

function scatter(path: string, among: (size: number) => number): void {
  using file = Deno.openSync(path, { write: true });
  const { size } = file.statSync();
  for (let piece = 0; piece < PIECES; piece++) {
    file.seekSync(among(size), Deno.SeekMode.Start);
    file.writeSync(Uint8Array.from({ length: PIECE_BYTES }, () => draw() % 256));
  }
}

const DAMAGES: Readonly<Record<string, Damage>> = {
  "random bytes anywhere": (path) => scatter(path, (size) => draw() % (size - PIECE_BYTES)),
  "random bytes at the begin of pages": (path) =>
    scatter(path, (size) => 4_096 * (1 + draw() % (size / 4_096 - 1))),
  "its header overwritten": (path) => scatter(path, () => 0),
  "its end cut off": (path) => Deno.truncateSync(path, draw() % Deno.statSync(path).size),
  "all of it cut off": (path) => Deno.truncateSync(path, 0),
};

const ROUNDS = IS_LONG ? 4 : 1;

for (const [what, damage] of Object.entries(DAMAGES)) {
  Deno.test(`A database with ${what}: images are right, and the next start says so or is right`, async () => {
    for (let round = 0; round < ROUNDS; round++) await survive(damage);
  });
}

async function survive(damage: Damage): Promise<void> {
  const set = { environment: { ...UNLIMITED, DATABASE_SECONDS: "1" } };
  await withProcess(startDeno, set, async (client, options) => {
    const stored = Array.from({ length: STORED }, () => client.fresh());
    await drawAll(client, stored);
    damage(`${options.dataDir}/shapefirst.sqlite`);
    await drawAll(client, [...stored, client.fresh(), client.fresh()]);
    await client.edge.stop();
    await startAgain(options, client);
  });
}

async function drawAll(
  client: ConformanceClient,
  requests: readonly ReturnType<ConformanceClient["fresh"]>[],
): Promise<void> {
  for (const request of requests) {
    await assertWhole(await client.stream(request), undisturbedSha256(request));
  }
}

async function startAgain(options: EdgeOptions, { gpu }: ConformanceClient): Promise<void> {
  const next = await startDeno(options).catch((cause: Error) => cause);
  if (next instanceof Error) {
    assert.match(
      next.message,
      /ended before it was ready:\nThe database \S+ is damaged \([^\n]+\n$/,
    );
    return;
  }
  try {
    const client = new ConformanceClient(next, gpu, 1_000);
    await drawAll(client, [client.fresh(), client.fresh()]);
  } finally {
    await next.stop();
  }
}

/** What rots in a row, where SQLite sees nothing wrong. */
const ROT: Readonly<Record<string, string>> = {
  "the image": "UPDATE images SET bytes = zeroblob(length(bytes))",
  "a preview": "UPDATE previews SET bytes = zeroblob(length(bytes))",
  "the events": `UPDATE generations SET events = replace(events, '"step":1', '"step":0')`,
  "the plan": `UPDATE generations SET plan = replace(plan, 'blue', 'bluh')`,
  "the JSON of the plan": `UPDATE generations SET plan = substr(plan, 2)`,
};

// Each round starts workerd three times, so the short version has fewer of them.
const rotsOf = (platform: string) =>
  Object.entries(ROT).slice(0, IS_LONG || platform !== "on workerd" ? undefined : 2);

for (const { name, start, execute } of PLATFORMS) {
  Deno.test(`A stored result of which anything is damaged is drawn again ${name}`, async () => {
    await withGround(async (options, gpu) => {
      for (const [i, [what, statement]] of rotsOf(name).entries()) {
        const edge = await start({ ...options, environment: UNLIMITED });
        const client = new ConformanceClient(edge, gpu, i);
        const request = client.fresh();
        await drawAll(client, [request]);
        await edge.stop();
        await execute(options.dataDir, statement);
        const next = await start({ ...options, environment: UNLIMITED });
        try {
          await readDamaged(new ConformanceClient(next, gpu, 1), request);
        } catch (cause) {
          throw new Error(`With ${what}`, { cause });
        } finally {
          await next.stop();
        }
      }
    });
  });
}

async function readDamaged(
  client: ConformanceClient,
  request: ReturnType<ConformanceClient["fresh"]>,
): Promise<void> {
  const sha256 = undisturbedSha256(request);
  const calls = client.gpu.puts.length;
  // With its pauses it comes from no cache near the reader, which on workerd outlives the process.
  const path = "/v1/generations?pace=live";
  const frames = await readFrames(await client.post(request, { path }));
  await assertWhole(frames, sha256);
  assert(client.gpu.puts.length > calls, "the damaged result was sent");
  const image = await client.request(`/v1/images/${idOf(frames)}.png`);
  assert.equal(await sha256Of(await image.bytes()), sha256);
}
