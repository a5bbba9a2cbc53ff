// If this breaks, lost ends of runs, due calls and old rows stay undone.
import assert from "node:assert/strict";
import { createProblem } from "../contract/mod.ts";
import type { LogRecord } from "./observability/log.ts";
import type { Ports } from "./ports.ts";
import type { Rooms } from "./rooms/rooms.ts";
import { runScheduled } from "./scheduled.ts";
import type { WebhookEnd } from "./webhooks/webhook_end.ts";

const MINUTE = 60_000;
const NOW = 60_000 * MINUTE;
const [FAILED, RUNNING, UNKNOWN] = ["a", "b", "c"].map((digit) => digit.repeat(64));

function room(status: string): (id: string) => Response {
  const failure = createProblem("internal", "broke");
  return (id) => Response.json({ id, status, failure, links: { self: `/v1/generations/${id}` } });
}

function createPorts(changes: Partial<Ports> = {}) {
  const kept = { settled: [] as WebhookEnd[], logged: [] as LogRecord[], done: [] as unknown[] };
  const answers = new Map([[FAILED, room("failed")], [RUNNING, room("running")]]);
  const rooms: Rooms = {
    fetch: (id) => Promise.resolve(answers.get(id)?.(id) ?? new Response(null, { status: 404 })),
  };
  const noted = (name: string) => (...args: unknown[]) =>
    Promise.resolve(void kept.done.push([name, ...args]));
  const ports = {
    rooms,
    sweepRooms: rooms,
    results: { find: () => Promise.resolve(null) },
    sweeps: { find: () => Promise.resolve(null) },
    log: (record: LogRecord) => void kept.logged.push(record),
    trim: () => Promise.resolve({ generations: 0, bytes: 0 }),
    idempotency: { expire: noted("expire keys") },
    webhooks: {
      settle: (end: WebhookEnd) => Promise.resolve(void kept.settled.push(end)),
      deliverDue: noted("deliver"),
      deliveries: {
        waiting: (before: number) => {
          kept.done.push(["waiting", before]);
          return Promise.resolve(
            [FAILED, RUNNING, UNKNOWN].map((id) => `/v1/generations/${id}`),
          );
        },
        expire: noted("expire calls"),
      },
    },
    ...changes,
    // These are the only ports that the scheduled work touches.
  } as Ports;
  return { ports, kept };
}

Deno.test("An end that was lost on its way is found, and told to those who wait for it", async () => {
  const { ports, kept } = createPorts();
  await runScheduled(ports, NOW);
  assert.deepEqual(kept.settled.map(({ subject, type }) => [subject, type]), [
    [`/v1/generations/${FAILED}`, "generation.failed"],
  ]);
  assert.deepEqual(kept.done, [
    ["waiting", NOW - MINUTE],
    ["deliver"],
    ["expire calls", NOW - 3 * 24 * 60 * MINUTE],
    ["expire keys", NOW],
  ]);
});

Deno.test("Work that fails is logged, and the rest is done", async () => {
  const { ports, kept } = createPorts();
  const { webhooks } = ports;
  const fail = () => Promise.reject(new Error("no"));
  await runScheduled({ ...ports, webhooks: { ...webhooks, deliverDue: fail } }, NOW);
  assert.deepEqual(kept.logged.map(({ message }) => message), [
    "Scheduled work failed: Webhooks that are due",
  ]);
  assert.deepEqual(kept.done.at(-1), ["expire keys", NOW]);
});

for (
  const [name, passes, trims] of [
    ["nothing is stored", [[0, false]], 1],
    ["all fits", [[3, false]], 1],
    ["one pass is not enough", [[1_000, true], [800, false]], 2],
    ["there is much", [[1_000, true], [1_000, true], [1_000, true], [1, false]], 4],
    ["only demos are left", [[7, true], [0, true]], 2],
  ] as const
) {
  Deno.test(`Trimming goes on until the store fits, where ${name}`, async () => {
    let trimmed = 0;
    const { ports, kept } = createPorts({
      trim: () => {
        const [generations, unfinished] = passes[trimmed++] ?? assert.fail("it trims for ever");
        return Promise.resolve({ generations, bytes: generations, unfinished });
      },
    });
    await runScheduled(ports, NOW);
    assert.equal(trimmed, trims);
    const sum = passes.reduce((sum, [generations]) => sum + generations, 0);
    const messages = kept.logged.map(({ message }) => message);
    assert.deepEqual(messages, sum === 0 ? [] : [`Trimmed ${sum} results of ${sum} bytes`]);
  });
}
