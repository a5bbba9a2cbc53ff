/** Every query of the service, once, for D1 and for SQLite behind libSQL. */
import { eq, sql } from "drizzle-orm";
import type { LibSQLDatabase } from "drizzle-orm/libsql";
import type { BaseSQLiteDatabase } from "drizzle-orm/sqlite-core";
import { lacksInsights, type Plan } from "../contract/mod.ts";
import { type FinishedGeneration, restoreEvents, type ResultRows, toRows } from "./result_rows.ts";
import { generations, images, type NumberedEvent, previews } from "./schema.ts";

export type { FinishedGeneration } from "./result_rows.ts";
export type { NumberedEvent } from "./schema.ts";

/** What D1 and libSQL have in common. A batch is one transaction on both. */
export type SqlDatabase =
  & BaseSQLiteDatabase<"async", unknown>
  & Pick<LibSQLDatabase, "batch">;

export interface StoredImage {
  readonly media_type: "image/png" | "image/webp";
  readonly sha256: string;
  readonly bytes: Uint8Array;
}

/** A stored result without the bytes of its pictures. */
export interface StoredResult {
  readonly plan: Plan;
  readonly events: readonly NumberedEvent[];
  readonly image: {
    readonly media_type: "image/png" | "image/webp";
    readonly width: number;
    readonly height: number;
    readonly bytes: number;
    readonly sha256: string;
  };
}

export type WriteOutcome = "stored" | "already_stored" | "image_too_large";

/** Finished generations by content key. Every method rejects when the database fails. */
export interface Results {
  has(id: string): Promise<boolean>;
  find(id: string): Promise<StoredResult | null>;
  /** The stored log with its pictures, ready to be sent again. */
  replay(id: string): Promise<readonly NumberedEvent[] | null>;
  image(id: string): Promise<StoredImage | null>;
  /** Counts a hit. */
  touch(id: string, now: number): Promise<void>;
  /** All or nothing. The first result of a key stays, until one comes that shows insights it lacks. */
  write(result: FinishedGeneration): Promise<WriteOutcome>;
}

export function createResults(database: SqlDatabase): Results {
  return {
    has: (id) => hasResult(database, id),
    find: (id) => findResult(database, id),
    replay: (id) => replayResult(database, id),
    image: (id) => findImage(database, id),
    touch: (id, now) => touchResult(database, id, now),
    write: (result) => writeResult(database, result),
  };
}

async function hasResult(database: SqlDatabase, id: string): Promise<boolean> {
  const [row] = await database.select({ id: generations.id }).from(generations)
    .where(eq(generations.id, id)).limit(1);
  return row !== undefined;
}

async function findResult(database: SqlDatabase, id: string): Promise<StoredResult | null> {
  const [row] = await database.select({
    plan: generations.plan,
    events: generations.events,
    image: {
      media_type: images.media_type,
      width: images.width,
      height: images.height,
      bytes: sql<number>`length(${images.bytes})`,
      sha256: images.sha256,
    },
  }).from(generations).innerJoin(images, eq(images.generation_id, generations.id))
    .where(eq(generations.id, id)).limit(1);
  return row ?? null;
}

async function replayResult(database: SqlDatabase, id: string) {
  const [[generation], [image], previewRows] = await database.batch([
    database.select({ events: generations.events }).from(generations)
      .where(eq(generations.id, id)),
    database.select({ bytes: images.bytes }).from(images).where(eq(images.generation_id, id)),
    database.select({ event_id: previews.event_id, bytes: previews.bytes }).from(previews)
      .where(eq(previews.generation_id, id)),
  ]);
  if (!generation || !image) return null;
  const byId = new Map(previewRows.map(({ event_id, bytes }) => [event_id, bytes]));
  return restoreEvents(generation.events, image.bytes, byId);
}

async function findImage(database: SqlDatabase, id: string): Promise<StoredImage | null> {
  const [row] = await database.select({
    media_type: images.media_type,
    sha256: images.sha256,
    bytes: images.bytes,
  }).from(images).where(eq(images.generation_id, id)).limit(1);
  return row ?? null;
}

async function touchResult(database: SqlDatabase, id: string, now: number): Promise<void> {
  await database.update(generations)
    .set({ hits: sql`${generations.hits} + 1`, last_used_at: now })
    .where(eq(generations.id, id));
}

/** One row a statement: D1 binds at most 100 values in one. */
async function writeResult(
  database: SqlDatabase,
  result: FinishedGeneration,
): Promise<WriteOutcome> {
  const rows = toRows(result);
  if (!rows) return "image_too_large";
  const stored = await findPlan(database, result.plan.id);
  if (stored && !lacksInsights(stored, result.plan)) return "already_stored";
  await database.batch(
    stored ? replacement(database, rows) : [
      database.insert(generations).values(rows.generation).onConflictDoNothing(),
      database.insert(images).values(rows.image).onConflictDoNothing(),
      ...rows.previews.map((row) => database.insert(previews).values(row).onConflictDoNothing()),
    ],
  );
  return "stored";
}

async function findPlan(database: SqlDatabase, id: string): Promise<Plan | null> {
  const [row] = await database.select({ plan: generations.plan }).from(generations)
    .where(eq(generations.id, id)).limit(1);
  return row?.plan ?? null;
}

/** Its age and its hits stay: it is the same image. */
function replacement(database: SqlDatabase, { generation, image, previews: rows }: ResultRows) {
  const { id, created_at: _, ...changed } = generation;
  const ofKey = eq(previews.generation_id, id);
  return [
    database.update(generations).set(changed).where(eq(generations.id, id)),
    database.update(images).set(image).where(eq(images.generation_id, id)),
    database.delete(previews).where(ofKey),
    ...rows.map((row) => database.insert(previews).values(row).onConflictDoNothing()),
  ] as const;
}
