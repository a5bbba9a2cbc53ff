/** The queries on results, for D1 and for SQLite. */
import { and, eq, sql } from "drizzle-orm";
import { lacksInsights, type NumberedEvent, type Plan } from "../contract/mod.ts";
import { REMOTE_SLICES, replayResult, type Slicing, type StoredReplay } from "./result_replay.ts";
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

/** Finished generations by content key. Every method rejects when the database fails. */
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

export function createResults(database: SqlDatabase, slicing: Slicing = REMOTE_SLICES): Results {
  return {
    has: (id) => hasResult(database, id),
    find: (id) => findResult(database, id),
    replay: (id) => replayResult(database, id, slicing),
    image: (id) => findImage(database, id),
    touch: (id, now, hits = 1) => touchResult(database, id, { now, hits }),
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
    owner: generations.owner,
    events: generations.events,
    image: {
      media_type: images.media_type,
      width: images.width,
      height: images.height,
      bytes: sql<number>`max(${images.size}, length(${images.bytes}))`,
      sha256: images.sha256,
    },
  }).from(generations).innerJoin(images, eq(images.generation_id, generations.id))
    .where(eq(generations.id, id)).limit(1);
  return row ?? null;
}

async function findImage(database: SqlDatabase, id: string): Promise<StoredImage | null> {
  const [row] = await database.select({
    media_type: images.media_type,
    sha256: images.sha256,
    size: images.size,
    bytes: images.bytes,
    owner: generations.owner,
    flagged: sql<number>`exists (select 1 from json_each(${generations.events})
      where json_extract(value, '$.event.safety.flagged'))`,
  }).from(images).innerJoin(generations, eq(generations.id, images.generation_id))
    .where(eq(images.generation_id, id)).limit(1);
  if (!row) return null;
  const { media_type, sha256, owner, flagged } = row;
  const bytes = await wholeImage(database, row);
  return bytes && { media_type, sha256, owner, flagged: flagged === 1, bytes };
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
): Promise<WriteOutcome> {
  const rows = toRows(result);
  const stored = await findPlan(database, result.plan.id);
  if (stored && !lacksInsights(stored, result.plan)) return "already_stored";
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
      set: { created_at: row.created_at },
    });
  }
}

async function findPlan(database: SqlDatabase, id: string): Promise<Plan | null> {
  const [row] = await database.select({ plan: generations.plan }).from(generations)
    .where(eq(generations.id, id)).limit(1);
  return row?.plan ?? null;
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
