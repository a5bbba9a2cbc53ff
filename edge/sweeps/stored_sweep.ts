/** A sweep from the database: its row, and the results of all of its branches. */
import {
  encodeServerSentMessage,
  lacksInsights,
  type Plan,
  type SweepEvent,
  type SweepPlan,
  type SweepResource,
} from "../../contract/mod.ts";
import type { Results, StoredResult } from "../../db/result_queries.ts";
import type { StoredSweep, Sweeps } from "../../db/sweep_queries.ts";
import { markCached } from "../rooms/event_log.ts";
import { markSweepCached } from "./sweep_log.ts";
import { readableBy } from "../callers/private_results.ts";
import {
  type HitPorts,
  type Lookup,
  lookUp,
  type LookupPorts,
} from "../generations/result_lookup.ts";
import { describeSweep, sheetPath } from "./sweep_resource.ts";
import { SHEET_END, type SheetLayout, sheetSize, sheetStart, sheetTile } from "./sweep_sheet.ts";

export interface FoundSweep {
  readonly sweep: StoredSweep;
  /** The branches' results in order, without the bytes of their pictures. */
  readonly results: readonly StoredResult[];
}

/**
 * Returns a sweep while each of its generations is stored, with the log that was merged. A
 * generation that is gone, or ran again to show more, means merging again.
 */
export async function findSweep(
  ports: LookupPorts & { readonly sweeps: Sweeps },
  id: string,
  reader: string,
): Promise<Lookup<FoundSweep>> {
  return await lookUp(ports, async (results) => {
    const sweep = await ports.sweeps.find(id);
    if (!sweep) return null;
    const found = await Promise.all(
      sweep.branches.map(async ({ id }) => readableBy(await results.find(id), reader)),
    );
    const present = found.filter((result) => result !== null);
    const isWhole = present.length === found.length &&
      present.every(({ events }, i) => events.at(-1)?.id === lastMerged(sweep, i));
    return isWhole ? { sweep, results: present } : null;
  });
}

function lastMerged({ branches, event_order }: StoredSweep, i: number): number | undefined {
  const merged = branches[i]?.same_as ?? i;
  return event_order.findLast(([branch]) => branch === merged)?.[1];
}

/** Returns whether any of these plans shows less than the sweep asks for. */
export function lacksBranches(plans: readonly Plan[], asked: SweepPlan): boolean {
  return asked.branches.some(({ plan }, i) => !plans[i] || lacksInsights(plans[i], plan));
}

/** Counts a hit of the sweep, after the reply. */
export function countSweepHit(
  { sweeps, keepAlive, now, log }: HitPorts & { readonly sweeps: Sweeps },
  sweep: string,
): void {
  keepAlive(
    sweeps.touch(sweep, now()).catch((cause) =>
      log({ level: "error", message: "Counting a hit failed", sweep, cause })
    ),
  );
}

export function describeFound({ sweep, results }: FoundSweep): SweepResource {
  const { id, axis, branches, outcome } = sweep;
  return describeSweep({
    id,
    axis,
    branches: results.map(({ plan, events, image }, i) => ({
      label: branches[i]?.label ?? "",
      same_as: branches[i]?.same_as ?? null,
      generation: { plan, events, cached: true, imageBytes: image.bytes },
    })),
    outcome,
    status: "succeeded",
    failure: null,
    cached: true,
  });
}

interface Replay {
  readonly results: Results;
  readonly after: number;
  readonly cached: boolean;
}

/**
 * Replays the log in its order and under its ids, one event for each read. It leaves out previews,
 * and reads each image in its turn, since a sweep's images may exceed the memory.
 */
export function replaySweep(found: FoundSweep, replay: Replay): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const events = eventsAfter(found, replay);
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { value, done } = await events.next();
      if (done) return controller.close();
      const event = replay.cached ? markSweepCached(value.event) : value.event;
      controller.enqueue(encoder.encode(encodeServerSentMessage(value.id, event.type, event)));
    },
    cancel: () => void events.return(undefined),
  }, { highWaterMark: 0 });
}

/** The cursor of the terminal event. */
export function lastIdOf({ sweep }: FoundSweep): number {
  return sweep.event_order.length + 2;
}

async function* eventsAfter(
  found: FoundSweep,
  { results, after }: Replay,
): AsyncGenerator<{ readonly id: number; readonly event: SweepEvent }> {
  const { sweep } = found;
  if (after < 0) yield { id: 0, event: plannedEvent(found) };
  for (const [place, [branch, id]] of sweep.event_order.entries()) {
    if (place + 1 <= after) continue;
    const event = await branchEvent(found, results, { branch, id });
    if (event) yield { id: place + 1, event };
  }
  const sheetId = lastIdOf(found) - 1;
  const sheet = { type: "sweep.sheet", url: sheetPath(sweep.id), svg: null } as const;
  if (after < sheetId) yield { id: sheetId, event: { ...sheet, ...sheetSize(layoutOf(found)) } };
  if (after > sheetId) return;
  yield { id: sheetId + 1, event: { type: "sweep.completed", ...sweep.outcome, cached: false } };
}

function plannedEvent({ sweep, results }: FoundSweep): SweepEvent {
  const branches = sweep.branches.map(({ label, same_as }, i) => {
    const result = results[i];
    if (!result) throw new Error(`Sweep ${sweep.id} has lost its branch ${i}`);
    return { label, same_as, plan: result.plan };
  });
  const { id, axis, planned: evaluations } = sweep;
  return { type: "sweep.planned", id, axis, branches, evaluations };
}

/** Returns null for previews, and for what is no longer stored. */
async function branchEvent(
  { sweep, results }: FoundSweep,
  images: Results,
  { branch, id }: { readonly branch: number; readonly id: number },
): Promise<SweepEvent | null> {
  const stored = results[branch]?.events.find((numbered) => numbered.id === id)?.event;
  if (!stored || stored.type === "generation.preview") return null;
  const shown = sweep.outcome.branches[branch]?.cached ? markCached(stored) : stored;
  if (shown.type !== "generation.image") return { type: "sweep.event", branch, event: shown };
  const image = await images.image(sweep.branches[branch]?.id ?? "");
  // The stream breaks here: a client that resumes it then learns that the sweep is gone.
  if (!image) throw new Error(`Sweep ${sweep.id} has lost the image of branch ${branch}`);
  return { type: "sweep.event", branch, event: { ...shown, data: image.bytes.toBase64() } };
}

function layoutOf({ sweep, results }: FoundSweep): SheetLayout {
  const { prompt: title = "", width = 1, height = 1 } = results[0]?.plan ?? {};
  return { title, width, height, branches: sweep.outcome.branches };
}

/** Draws the contact sheet with one image in memory at a time. */
export function streamSheet(found: FoundSweep, results: Results): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const parts = sheetParts(found, results);
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { value, done } = await parts.next();
      if (done) return controller.close();
      controller.enqueue(encoder.encode(value));
    },
    cancel: () => void parts.return(undefined),
  }, { highWaterMark: 0 });
}

async function* sheetParts(found: FoundSweep, results: Results): AsyncGenerator<string> {
  const layout = layoutOf(found);
  yield sheetStart(layout);
  for (const [i, { id }] of found.sweep.branches.entries()) {
    const image = await results.image(id);
    const shows = found.results[i]?.events.some(({ event }) => event.type === "generation.image");
    // A sheet with a hole would be kept for ever: what breaks off is kept by nobody.
    if (shows && !image) {
      throw new Error(`Sweep ${found.sweep.id} has lost the image of branch ${i}`);
    }
    const { media_type = "", bytes = null } = image ?? {};
    yield sheetTile(layout, i, bytes && { media_type, data: bytes.toBase64() });
  }
  yield SHEET_END;
}
