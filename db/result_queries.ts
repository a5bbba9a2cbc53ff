/** The queries on results, for D1 and for SQLite. */
import { and, eq, sql } from "drizzle-orm";
import { lacksInsights, type NumberedEvent, type Plan } from "../contract/mod.ts";
import { checkBytes, type DamagedPart, DamagedRow, readLog } from "./integrity/damaged_row.ts";
import { removeResults } from "./trim_queries.ts";
import {
  REMOTE_SLICES,
  replayResult,
  type Slicing,
  type StoredReplay,
  textOf,
} from "./result_replay.ts";
import { type FinishedGeneration, type ResultRows, toRows } from "./result_rows.ts";
import { generations, image_parts, images, previews, type SqlDatabase } from "./schema.ts";

export type { ReadPicture, StoredReplay } from "./result_replay.ts";
export type { FinishedGeneration } from "./result_rows.ts";
export type { SqlDatabase } from "./schema.ts";

export interface StoredImage {
  readonly media_type: "image/png" | "image/webp";
  readonly sha256: string;
  readonly bytes: Uint8Array;
  /** The account that alone may see it; null where everybody may. */
  readonly owner: string | null;
  /** Whether the model's safety checker flagged it. */
  readonly flagged: boolean;
}

/** A stored result without the bytes of its pictures. */
export interface StoredResult {
  readonly plan: Plan;
  readonly owner: string | null;
  readonly events: readonly NumberedEvent[];
  readonly image: {
    readonly media_type: "image/png" | "image/webp";
    readonly width: number;
    readonly height: number;
    readonly bytes: number;
    readonly sha256: string;
  };
}

export type WriteOutcome = "stored" | "already_stored";

/**
 * Finished generations by content key. Every method rejects when the database fails. A result that
 * is not what was stored any more is removed when that is noticed, and is absent.
 */
export interface Results {
  has(id: string): Promise<boolean>;
  find(id: string): Promise<StoredResult | null>;
  replay(id: string): Promise<StoredReplay | null>;
  image(id: string): Promise<StoredImage | null>;
  /** Counts hits, one by default. */
  touch(id: string, now: number, hits?: number): Promise<void>;
  /** Writes all or nothing. The first result of a key stays, until one shows insights it lacks. */
  write(result: FinishedGeneration): Promise<WriteOutcome>;
}

export interface ResultsOptions {
  readonly slicing?: Slicing;
  /** Called, and waited for, before a damaged result is removed. */
  readonly onDamage?: (generation: string, part: DamagedPart) => void | Promise<void>;
}

export function createResults(
  database: SqlDatabase,
  { slicing = REMOTE_SLICES, onDamage = () => {} }: ResultsOptions = {},
): Results {
  const discard = async (id: string, { part }: DamagedRow) => {
    await onDamage(id, part);
    await removeResults(database, [id]);
  };
  const whole = async <T>(id: string, read: Promise<T | null>) => {
    try {
      return await read;
    } catch (cause) {
      if (!(cause instanceof DamagedRow)) throw cause;
      await discard(id, cause);
      return null;
    }
  };
  return {
    has: (id) => hasResult(database, id),
    find: (id) => whole(id, findResult(database, id)),
    async replay(id) {
      const replay = await whole(id, replayResult(database, id, slicing));
      const onDamagedPicture = (cause: DamagedRow) => discard(id, cause);
      return replay && { ...replay, picture: watched(replay.picture, onDamagedPicture) };
    },
    image: (id) => whole(id, findImage(database, id)),
    touch: (id, now, hits = 1) => touchResult(database, id, { now, hits }),
    async write(result) {
      const stored = await whole(result.plan.id, findResult(database, result.plan.id));
      return await writeResult(database, result, stored);
    },
  };
}

/** Tells of damage that is noticed while a picture is read, before its reader hears of it. */
function watched(
  picture: StoredReplay["picture"],
  onDamage: (cause: DamagedRow) => Promise<void>,
): StoredReplay["picture"] {
  return async function* (numbered) {
    try {
      yield* picture(numbered);
    } catch (cause) {
      if (cause instanceof DamagedRow) await onDamage(cause);
      throw cause;
    }
  };
}

async function hasResult(database: SqlDatabase, id: string): Promise<boolean> {
  const [row] = await database.select({ id: generations.id }).from(generations)
    .where(eq(generations.id, id)).limit(1);
  return row !== undefined;
}

async function findResult(database: SqlDatabase, id: string): Promise<StoredResult | null> {
  const [row] = await database.select({
    plan: textOf(generations.plan),
    owner: generations.owner,
    events: textOf(generations.events),
    log_sha256: generations.log_sha256,
    image: {
      media_type: images.media_type,
      width: images.width,
      height: images.height,
      bytes: sql<number>`max(${images.size}, length(${images.bytes}))`,
      sha256: images.sha256,
    },
  }).from(generations).innerJoin(images, eq(images.generation_id, generations.id))
    .where(eq(generations.id, id)).limit(1);
  if (!row) return null;
  const { owner, image, ...log } = row;
  return { ...await readLog(log), owner, image };
}

async function findImage(database: SqlDatabase, id: string): Promise<StoredImage | null> {
  const [row] = await database.select({
    media_type: images.media_type,
    sha256: images.sha256,
    size: images.size,
    bytes: images.bytes,
    owner: generations.owner,
    log: {
      plan: textOf(generations.plan),
      events: textOf(generations.events),
      log_sha256: generations.log_sha256,
    },
  }).from(images).innerJoin(generations, eq(generations.id, images.generation_id))
    .where(eq(images.generation_id, id)).limit(1);
  if (!row) return null;
  const { media_type, sha256, owner } = row;
  const { events } = await readLog(row.log);
  const flagged = events.some(({ event }) =>
    event.type === "generation.image" && event.safety?.flagged === true
  );
  const bytes = await wholeImage(database, row);
  if (bytes) await checkBytes("image", bytes, sha256);
  return bytes && { media_type, sha256, owner, flagged, bytes };
}

/** Reads one part per query: D1 returns bytes as number arrays, too large for a whole image. */
async function wholeImage(
  database: SqlDatabase,
  { sha256, size, bytes: first }: { sha256: string; size: number; bytes: Uint8Array },
): Promise<Uint8Array | null> {
  if (first.length >= size) return first;
  const whole = new Uint8Array(size);
  whole.set(first);
  for (let end = first.length, part = 1; end < size; part++) {
    const [row] = await database.select({ bytes: image_parts.bytes }).from(image_parts)
      .where(and(eq(image_parts.sha256, sha256), eq(image_parts.part, part))).limit(1);
    if (!row || row.bytes.length === 0 || end + row.bytes.length > size) return null;
    whole.set(row.bytes, end);
    end += row.bytes.length;
  }
  return whole;
}

async function touchResult(
  database: SqlDatabase,
  id: string,
  { now, hits }: { readonly now: number; readonly hits: number },
): Promise<void> {
  await database.update(generations)
    .set({ hits: sql`${generations.hits} + ${hits}`, last_used_at: now })
    .where(eq(generations.id, id));
}

/** Writes one row per statement, since D1 binds at most 100 values in one. */
async function writeResult(
  database: SqlDatabase,
  result: FinishedGeneration,
  stored: StoredResult | null,
): Promise<WriteOutcome> {
  const rows = toRows(result);
  if (stored && !lacksInsights(stored.plan, result.plan)) return "already_stored";
  await writeParts(database, rows);
  await database.batch(
    stored ? replacement(database, rows) : [
      database.insert(generations).values(rows.generation).onConflictDoNothing(),
      database.insert(images).values(rows.image).onConflictDoNothing(),
      ...rows.previews.map((row) => database.insert(previews).values(row).onConflictDoNothing()),
    ],
  );
  return "stored";
}

/**
 * Parts stay outside the transaction, which would be too large for D1. They come first, so that a
 * reader who finds the image's row finds them. Parts whose row never came are swept.
 */
async function writeParts(database: SqlDatabase, { parts }: ResultRows): Promise<void> {
  for (const row of parts) {
    await database.insert(image_parts).values(row).onConflictDoUpdate({
      target: [image_parts.sha256, image_parts.part],
      // The bytes as well, since those that are there may be damaged.
      set: { created_at: row.created_at, bytes: row.bytes },
    });
  }
}

/** Age, hits and the share stay, since it is the same image. The row may have been trimmed a moment ago. */
function replacement(database: SqlDatabase, { generation, image, previews: rows }: ResultRows) {
  const { id, created_at: _, account: __, ...changed } = generation;
  const ofKey = eq(previews.generation_id, id);
  return [
    database.insert(generations).values(generation)
      .onConflictDoUpdate({ target: generations.id, set: changed }),
    database.insert(images).values(image)
      .onConflictDoUpdate({ target: images.generation_id, set: image }),
    database.delete(previews).where(ofKey),
    ...rows.map((row) => database.insert(previews).values(row).onConflictDoNothing()),
  ] as const;
}
