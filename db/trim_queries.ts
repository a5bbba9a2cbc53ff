/** Keeps the stored results within a budget, for D1 and for SQLite. */
import { and, asc, eq, inArray, isNull, notInArray, sql } from "drizzle-orm";
import { LIMITS } from "../contract/mod.ts";
import {
  demos,
  generations,
  image_parts,
  images,
  previews,
  type SqlDatabase,
  sweeps,
} from "./schema.ts";

export interface TrimOptions {
  /** Bytes that the results may take together. */
  readonly cacheBytes: number;
  /** Epoch milliseconds. */
  readonly now: number;
}

export interface Trimmed {
  readonly generations: number;
  readonly bytes: number;
  /** More has to be deleted; the next run goes on. */
  readonly unfinished: boolean;
}

/** D1 binds at most 100 values in a statement. */
const RESULTS_AT_ONCE = 25;
/** Bounds one run, however much there is to do. */
const ROUNDS_MAX = 40;
/** Parts are written before the row that needs them, and every writer is faster than this. */
const ORPHANED_PART_MS = 60 * 60_000;

/**
 * Deletes results until the others fit: those of the account that holds most, and of these the ones
 * that were unused for the longest time. So an account that stores much makes room for itself, and
 * takes nothing from those that hold less. Demos stay. A sweep that loses a generation goes with
 * it, since its log could no longer be replayed.
 */
export async function trimResults(
  database: SqlDatabase,
  { cacheBytes, now }: TrimOptions,
): Promise<Trimmed> {
  await weighResults(database);
  await sweepParts(database, now);
  let excess = await heldBytes(database) - cacheBytes;
  const shares = excess > 0 ? await findShares(database) : new Map<string | null, number>();
  let [removed, bytes] = [0, 0];
  for (let round = 0; round < ROUNDS_MAX && excess > 0 && shares.size > 0; round++) {
    const { account, held, lead } = heaviest(shares);
    const oldest = takeUntil(await findOldest(database, account), Math.min(excess, lead));
    if (oldest.length === 0) {
      shares.delete(account);
      continue;
    }
    await removeResults(database, oldest.map(({ id }) => id));
    const freed = oldest.reduce((sum, { stored_bytes }) => sum + stored_bytes, 0);
    shares.set(account, held - freed);
    [removed, bytes, excess] = [removed + oldest.length, bytes + freed, excess - freed];
  }
  return { generations: removed, bytes, unfinished: excess > 0 };
}

/** Returns the account with the most bytes, and by how many at least 1 it leads. */
function heaviest(shares: ReadonlyMap<string | null, number>) {
  const [first, second] = [...shares].sort(([, a], [, b]) => b - a);
  if (!first) throw new RangeError("Nobody holds anything");
  const [account, held] = first;
  return { account, held, lead: Math.max(1, held - (second?.[1] ?? 0)) };
}

/** Returns the bytes that each account holds, demos apart. */
async function findShares(database: SqlDatabase): Promise<Map<string | null, number>> {
  const { account, stored_bytes } = generations;
  const rows = await database.select({ account, bytes: sql<number>`sum(${stored_bytes})` })
    .from(generations).where(notInArray(generations.id, pinned(database))).groupBy(account);
  return new Map(rows.map(({ account, bytes }) => [account, bytes]));
}

function pinned(database: SqlDatabase) {
  return database.select({ id: demos.generation_id }).from(demos);
}

/** Returns the bytes that all stored results take. */
export async function heldBytes(database: SqlDatabase): Promise<number> {
  const [row] = await database
    .select({ bytes: sql<number>`coalesce(sum(${generations.stored_bytes}), 0)` })
    .from(generations);
  return row?.bytes ?? 0;
}

interface Candidate {
  readonly id: string;
  readonly stored_bytes: number;
}

async function findOldest(database: SqlDatabase, account: string | null): Promise<Candidate[]> {
  const isTheirs = account === null
    ? isNull(generations.account)
    : eq(generations.account, account);
  return await database.select({ id: generations.id, stored_bytes: generations.stored_bytes })
    .from(generations).where(and(isTheirs, notInArray(generations.id, pinned(database))))
    .orderBy(asc(generations.last_used_at)).limit(RESULTS_AT_ONCE);
}

/** Takes as few as free the excess. */
function takeUntil(candidates: readonly Candidate[], excess: number): Candidate[] {
  const taken: Candidate[] = [];
  let rest = excess;
  for (const candidate of candidates) {
    if (rest <= 0) break;
    taken.push(candidate);
    rest -= candidate.stored_bytes;
  }
  return taken;
}

/** Deletes in one transaction, so that a reader never finds half of a result. */
export async function removeResults(database: SqlDatabase, ids: string[]): Promise<void> {
  const list = sql.join(ids.map((id) => sql`${id}`), sql`, `);
  const losing = sql`(SELECT ${sweeps.id} FROM ${sweeps}, json_each(${sweeps.branches}) AS branch
    WHERE json_extract(branch.value, '$.id') IN (${list}))`;
  await database.batch([
    database.delete(sweeps).where(sql`${sweeps.id} IN ${losing}`),
    database.delete(previews).where(inArray(previews.generation_id, ids)),
    database.delete(images).where(inArray(images.generation_id, ids)),
    database.delete(generations).where(inArray(generations.id, ids)),
  ]);
}

/** Weighs results from before their weight was stored. */
async function weighResults(database: SqlDatabase): Promise<void> {
  const unweighed = database.select({ id: generations.id }).from(generations)
    .where(eq(generations.stored_bytes, 0)).limit(100);
  const image = sql`(SELECT max(${images.size}, length(${images.bytes})) FROM ${images}
    WHERE ${images.generation_id} = ${generations.id})`;
  const pictures = sql`(SELECT sum(length(${previews.bytes})) FROM ${previews}
    WHERE ${previews.generation_id} = ${generations.id})`;
  const text = sql`length(${generations.events}) + length(${generations.plan})`;
  await database.update(generations)
    .set({ stored_bytes: sql`${text} + coalesce(${image}, 0) + coalesce(${pictures}, 0)` })
    .where(inArray(generations.id, unweighed));
}

/** Deletes parts of images that are gone, or whose row never came. */
async function sweepParts(database: SqlDatabase, now: number): Promise<void> {
  const large = database.select({ sha256: images.sha256 }).from(images)
    .where(sql`${images.size} > ${LIMITS.storedRowBytes}`);
  const orphaned = database.selectDistinct({ sha256: image_parts.sha256 }).from(image_parts)
    .where(and(
      sql`${image_parts.created_at} < ${now - ORPHANED_PART_MS}`,
      notInArray(image_parts.sha256, large),
    )).limit(RESULTS_AT_ONCE);
  await database.delete(image_parts).where(inArray(image_parts.sha256, orphaned));
}
