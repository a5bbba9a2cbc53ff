/** Work without a request: a cron trigger starts it on workerd, a timer on Deno. */
import type { Ports } from "./ports.ts";
import { findEnd } from "./webhooks/webhook_settlement.ts";

type ScheduledPorts = Pick<
  Ports,
  "webhooks" | "idempotency" | "trim" | "results" | "sweeps" | "rooms" | "sweepRooms" | "log"
>;

type Work = (ports: ScheduledPorts, now: number) => Promise<void>;

const WORK: readonly (readonly [name: string, work: Work])[] = [
  ["Ends that webhooks wait for", findWaitedEnds],
  ["Webhooks that are due", ({ webhooks }) => webhooks.deliverDue()],
  ["Old webhooks", ({ webhooks }, now) => webhooks.deliveries.expire(now - WEBHOOK_MS)],
  ["Results beyond the budget", trimSometimes],
  ["Old idempotency keys", ({ idempotency }, now) => idempotency.expire(now)],
];

/** Does each kind of work by itself: a failure is logged, and the others go on. */
export async function runScheduled(ports: ScheduledPorts, now: number): Promise<void> {
  for (const [name, work] of WORK) {
    try {
      await work(ports, now);
    } catch (cause) {
      ports.log({ level: "error", message: `Scheduled work failed: ${name}`, cause });
    }
  }
}

const TRIM_MINUTES = 15;

/** Of 1,000 results each: more than are stored in 15 minutes. A platform may end it before. */
const PASSES_MAX = 100;

/** Trims less often than the rest is done, since it adds up all results. */
async function trimSometimes({ trim, log }: ScheduledPorts, now: number): Promise<void> {
  if (Math.floor(now / 60_000) % TRIM_MINUTES !== 0) return;
  let [generations, bytes] = [0, 0];
  for (let pass = 0; pass < PASSES_MAX; pass++) {
    const trimmed = await trim(now);
    [generations, bytes] = [generations + trimmed.generations, bytes + trimmed.bytes];
    if (!trimmed.unfinished || trimmed.generations === 0) break;
  }
  if (generations === 0) return;
  log({ level: "info", message: `Trimmed ${generations} results of ${bytes} bytes` });
}

/** Longer than all of a delivery's pauses together. */
const WEBHOOK_MS = 3 * 24 * 60 * 60_000;
const WAITING_MS = 60_000;
const SUBJECTS_AT_ONCE = 50;

/** Finds ends whose process was lost before it could report them. */
async function findWaitedEnds(ports: ScheduledPorts, now: number): Promise<void> {
  const { webhooks } = ports;
  const subjects = await webhooks.deliveries.waiting(now - WAITING_MS, SUBJECTS_AT_ONCE);
  for (const subject of subjects) {
    const end = await findEnd(ports, subject);
    if (end) await webhooks.settle(end);
  }
}
