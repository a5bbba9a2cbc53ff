/**
 * A stored log as it is sent again: its events at once, and the bytes of its pictures slice by
 * slice when their turn comes, so that a reader who takes nothing holds one slice and no more.
 */
import { and, asc, eq, gt, sql } from "drizzle-orm";
import type { NumberedEvent, Plan } from "../contract/mod.ts";
import { checkBytes, checkedSlices, readLog } from "./integrity/damaged_row.ts";
import { generations, image_parts, images, previews, type SqlDatabase } from "./schema.ts";

/**
 * Reads the bytes of one picture in order. Throws when they have left the store meanwhile, or are
 * not what was stored; the last of them then never come.
 */
export type ReadPicture = (numbered: NumberedEvent) => AsyncIterable<Uint8Array>;

export interface StoredReplay {
  readonly plan: Plan;
  readonly owner: string | null;
  /** Pictures are left out: their `data` is empty. */
  readonly events: readonly NumberedEvent[];
  readonly picture: ReadPicture;
  /** Bytes of all pictures. */
  readonly pictureBytes: number;
}

/** How pictures are read where they are too large for the first read. */
export interface Slicing {
  /** Bytes of one read, which is what each reader of a replay may hold. */
  readonly bytes: number;
  /** As text: D1 gives bytes as arrays of numbers, which take ten times as long. */
  readonly asHex: boolean;
}

/** Where each read is a call over a network: 8 MB of pictures are some 45. */
export const REMOTE_SLICES: Slicing = { bytes: 192 * 1024, asHex: true };
/** Where the database is here, and small reads are cheap. */
export const LOCAL_SLICES: Slicing = { bytes: 24 * 1024, asHex: false };

/** Small pictures come with the first read: up to so many bytes of previews, and of the image. */
export const PREFETCHED_BYTES = 64 * 1024;

interface Piece {
  readonly part: number;
  readonly length: number;
}

interface Pictures {
  readonly slicing: Slicing;
  readonly id: string;
  readonly sha256: string;
  readonly image: Uint8Array | null;
  readonly pieces: readonly Piece[];
  readonly previews: ReadonlyMap<number, PreviewRow>;
}

interface PreviewRow {
  readonly length: number;
  readonly sha256: string | null;
  readonly bytes: Uint8Array | null;
}

/**
 * Returns null where there is no such result, or a picture is missing: half a log is no replay.
 * @throws DamagedRow where what is read is not what was stored
 */
export async function replayResult(
  database: SqlDatabase,
  id: string,
  slicing: Slicing,
): Promise<StoredReplay | null> {
  const [[generation], [image], parts, previewRows] = await database.batch([
    database.select({
      plan: textOf(generations.plan),
      owner: generations.owner,
      events: textOf(generations.events),
      log_sha256: generations.log_sha256,
    }).from(generations).where(eq(generations.id, id)),
    database.select({
      sha256: images.sha256,
      size: images.size,
      length: lengthOf(images.bytes),
      bytes: prefetched(images.bytes, lengthOf(images.bytes)),
    }).from(images).where(eq(images.generation_id, id)),
    database.select({ part: image_parts.part, length: lengthOf(image_parts.bytes) })
      .from(image_parts).innerJoin(images, eq(images.sha256, image_parts.sha256))
      .where(and(eq(images.generation_id, id), gt(images.size, lengthOf(images.bytes))))
      .orderBy(asc(image_parts.part)),
    database.select({
      event_id: previews.event_id,
      sha256: previews.sha256,
      length: lengthOf(previews.bytes),
      bytes: prefetched(
        previews.bytes,
        sql`sum(length(${previews.bytes})) over (order by ${previews.event_id})`,
      ),
    }).from(previews).where(eq(previews.generation_id, id)),
  ]);
  if (!generation || !image) return null;
  const { plan, events } = await readLog(generation);
  const pieces = wholePieces(image, parts);
  const byId = new Map(previewRows.map(({ event_id, ...row }) => [event_id, row]));
  const isWhole = pieces !== null &&
    events.every(({ id, event }) => event.type !== "generation.preview" || byId.has(id));
  if (!isWhole) return null;
  if (image.bytes) await checkBytes("image", image.bytes, image.sha256);
  for (const { bytes, sha256 } of previewRows) {
    if (bytes) await checkBytes("preview", bytes, sha256);
  }
  const pictures = {
    slicing,
    id,
    sha256: image.sha256,
    image: image.bytes,
    pieces,
    previews: byId,
  };
  const lengths = [...pieces, ...previewRows].map(({ length }) => length);
  return {
    plan,
    owner: generation.owner,
    events,
    picture: (numbered) => readPicture(database, pictures, numbered),
    pictureBytes: lengths.reduce((sum, length) => sum + length, 0),
  };
}

/** The text itself, to be hashed before it is parsed. */
export function textOf(column: typeof generations.plan | typeof generations.events) {
  return sql<string>`${column}`;
}

type Bytes = typeof images.bytes | typeof image_parts.bytes | typeof previews.bytes;

function lengthOf(column: Bytes) {
  return sql<number>`length(${column})`;
}

/** The bytes where few come up to them; null where they are to be read later. */
function prefetched(column: Bytes, upTo: ReturnType<typeof sql>) {
  return sql<Uint8Array | null>`case when ${upTo} <= ${PREFETCHED_BYTES} then ${column} end`
    .mapWith((value: ArrayBuffer | number[] | null) => value && new Uint8Array(value));
}

/** Returns what the image's bytes lie in; null where some are missing. */
function wholePieces(
  { size, length }: { readonly size: number; readonly length: number },
  parts: readonly Piece[],
): readonly Piece[] | null {
  const pieces = [{ part: 0, length }];
  for (let end = length; end < size;) {
    const next = parts[pieces.length - 1];
    if (!next || next.part !== pieces.length || next.length === 0) return null;
    pieces.push(next);
    end += next.length;
    if (end > size) return null;
  }
  return pieces;
}

async function* readPicture(
  database: SqlDatabase,
  pictures: Pictures,
  { id: event_id, event }: NumberedEvent,
): AsyncGenerator<Uint8Array> {
  const { id, sha256, image, previews: byId, slicing } = pictures;
  if (event.type === "generation.image") {
    if (image) return yield image;
    const length = pictures.pieces.reduce((sum, piece) => sum + piece.length, 0);
    yield* checkedSlices({ part: "image", length, sha256 }, imageSlices(database, pictures));
  }
  if (event.type !== "generation.preview") return;
  const preview = byId.get(event_id);
  if (preview?.bytes) return yield preview.bytes;
  const { length = 0, sha256: hash = null } = preview ?? {};
  const place = { id, event_id, step: event.step };
  const slices = slicesOf(length, slicing, (slice) => readPreview(database, place, slice));
  yield* checkedSlices({ part: "preview", length, sha256: hash }, slices);
}

async function* imageSlices(
  database: SqlDatabase,
  { id, sha256, pieces, slicing }: Pictures,
): AsyncGenerator<Uint8Array> {
  for (const { part, length } of pieces) {
    const read = (slice: Slice) => readImage(database, { id, sha256, part }, slice);
    yield* slicesOf(length, slicing, read);
  }
}

interface Slice {
  readonly from: number;
  readonly length: number;
  readonly asHex: boolean;
}

async function* slicesOf(
  length: number,
  { bytes: most, asHex }: Slicing,
  read: (slice: Slice) => Promise<readonly { readonly bytes: Uint8Array }[]>,
): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < length; from += most) {
    const slice = { from, length: Math.min(most, length - from), asHex };
    const [row] = await read(slice);
    if (row?.bytes.length !== slice.length) {
      throw new Error("A stored picture left the database while it was read");
    }
    yield row.bytes;
  }
}

interface ImagePlace {
  readonly id: string;
  readonly sha256: string;
  readonly part: number;
}

/** By its hash, too: the row may have been replaced. */
function readImage(database: SqlDatabase, { id, sha256, part }: ImagePlace, slice: Slice) {
  if (part > 0) {
    return database.select({ bytes: sliceOf(image_parts.bytes, slice) }).from(image_parts)
      .where(and(eq(image_parts.sha256, sha256), eq(image_parts.part, part)));
  }
  return database.select({ bytes: sliceOf(images.bytes, slice) }).from(images)
    .where(and(eq(images.generation_id, id), eq(images.sha256, sha256)));
}

interface PreviewPlace {
  readonly id: string;
  readonly event_id: number;
  readonly step: number;
}

/** By its step, too: a result that is replaced may have another preview under this cursor. */
function readPreview(database: SqlDatabase, { id, event_id, step }: PreviewPlace, slice: Slice) {
  return database.select({ bytes: sliceOf(previews.bytes, slice) }).from(previews).where(and(
    eq(previews.generation_id, id),
    eq(previews.event_id, event_id),
    eq(previews.step, step),
  ));
}

function sliceOf(column: Bytes, { from, length, asHex }: Slice) {
  const slice = sql`substr(${column}, ${from + 1}, ${length})`;
  return asHex
    ? sql<Uint8Array>`hex(${slice})`.mapWith((text: string) => Uint8Array.fromHex(text))
    : sql<Uint8Array>`${slice}`.mapWith((bytes: ArrayBuffer | number[]) => new Uint8Array(bytes));
}
