/** Cuts a finished generation into rows and puts it together again. Pure. */
import {
  type GenerationEventOf,
  LIMITS,
  type NumberedEvent,
  type Plan,
  type SeededRequest,
} from "../contract/mod.ts";
import { hashOfLog } from "./integrity/damaged_row.ts";
import { sha256 } from "@noble/hashes/sha2.js";
import type { generations, image_parts, images, previews } from "./schema.ts";

/** A generation whose log ends in `generation.completed`. */
export interface FinishedGeneration {
  readonly request: SeededRequest;
  readonly plan: Plan;
  readonly events: readonly NumberedEvent[];
  /** `key_…` or `anonymous:…`; left out where nobody is known. */
  readonly account?: string;
  /** Epoch milliseconds. */
  readonly finished_at: number;
}

export interface ResultRows {
  readonly generation: typeof generations.$inferInsert;
  readonly image: typeof images.$inferInsert;
  /** The bytes of the image that do not fit into its row. */
  readonly parts: readonly (typeof image_parts.$inferInsert)[];
  readonly previews: readonly (typeof previews.$inferInsert)[];
}

/** @throws RangeError when the log does not end in success */
export function toRows(
  { request, plan, events, account, finished_at }: FinishedGeneration,
): ResultRows {
  const image = findEvent(events, "generation.image");
  const completed = findEvent(events, "generation.completed");
  if (!image || !completed) {
    throw new RangeError(`Only a completed generation can be stored, given ${plan.id} without end`);
  }
  const { media_type, width, height } = image;
  const bytes = Uint8Array.fromBase64(image.data);
  const [first = bytes, ...rest] = cutIntoRows(bytes);
  const pictures = previewRows(plan.id, events);
  const kept = new Set(pictures.map(({ event_id }) => event_id));
  const stored = storedEvents(events, kept);
  const log = { plan: JSON.stringify(plan), events: JSON.stringify(stored) };
  const generation = {
    id: plan.id,
    request,
    plan,
    owner: request.owner ?? null,
    account: account === undefined ? null : shareOf(account),
    status: "succeeded" as const,
    events: stored,
    log_sha256: hashOfLog(log),
    evaluations: completed.evaluations,
    timings: completed.timings,
    created_at: finished_at,
    last_used_at: finished_at,
  };
  const stored_bytes = pictures.reduce((sum, preview) => sum + preview.bytes.length, 0) +
    bytes.length + JSON.stringify(generation).length;
  const { length: size } = bytes;
  return {
    generation: { ...generation, stored_bytes },
    image: {
      generation_id: plan.id,
      media_type,
      width,
      height,
      sha256: image.sha256,
      size,
      bytes: first,
    },
    parts: rest.map((bytes, i) => ({
      sha256: image.sha256,
      part: i + 1,
      bytes,
      created_at: finished_at,
    })),
    previews: pictures,
  };
}

/** Leaves out the pictures, which have rows of their own, and previews that are not kept. */
function storedEvents(events: readonly NumberedEvent[], kept: ReadonlySet<number>) {
  return events
    .filter(({ id, event }) => event.type !== "generation.preview" || kept.has(id))
    .map(({ event, ...numbered }) => ({
      ...numbered,
      event: "data" in event ? { ...event, data: "" } : event,
    }));
}

/** Addresses are not stored, hashed or not: callers without a key have one share together. */
function shareOf(account: string): string {
  return account.startsWith("anonymous") ? "anonymous" : account;
}

/** Returns at least one piece; each fits into a row. */
function cutIntoRows(bytes: Uint8Array): Uint8Array[] {
  const pieces = Math.max(1, Math.ceil(bytes.length / LIMITS.storedRowBytes));
  return Array.from(
    { length: pieces },
    (_, i) => bytes.subarray(i * LIMITS.storedRowBytes, (i + 1) * LIMITS.storedRowBytes),
  );
}

function findEvent<T extends NumberedEvent["event"]["type"]>(
  events: readonly NumberedEvent[],
  type: T,
): GenerationEventOf<T> | undefined {
  return events.map(({ event }) => event)
    .find((event): event is GenerationEventOf<T> => event.type === type);
}

function previewRows(generation_id: string, events: readonly NumberedEvent[]) {
  const rows = events.flatMap(({ id, event }) => {
    if (event.type !== "generation.preview") return [];
    const { step, method, media_type, width, height, data } = event;
    const bytes = Uint8Array.fromBase64(data);
    if (bytes.length > LIMITS.storedRowBytes) return [];
    return [{ generation_id, event_id: id, step, method, media_type, width, height, bytes }];
  });
  return thinEvenly(rows, LIMITS.storedPreviews)
    .map((row) => ({ ...row, sha256: sha256(row.bytes).toHex() }));
}

/** Returns at most `count` of the items, evenly spread, with the first and the last. */
export function thinEvenly<T>(items: readonly T[], count: number): T[] {
  if (items.length <= count) return [...items];
  const stride = (items.length - 1) / Math.max(count - 1, 1);
  return Array.from({ length: count }, (_, i) => Math.round(i * stride))
    .flatMap((index) => items.slice(index, index + 1));
}
