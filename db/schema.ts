/** The tables, for SQLite and D1: results, sweeps, demos, API keys, usage, promises to clients. */
import type { SqliteRemoteDatabase } from "drizzle-orm/sqlite-proxy";
import {
  type BaseSQLiteDatabase,
  customType,
  index,
  integer,
  primaryKey,
  sqliteTable,
  text,
} from "drizzle-orm/sqlite-core";
import type {
  AccountLimits,
  GenerationEventOf,
  NumberedEvent,
  Plan,
  SeededRequest,
  SweepAxis,
  SweepOutcome,
  SweepPlannedEvaluations,
} from "../contract/mod.ts";

/**
 * The part of D1 and of SQLite that both have. A batch is one transaction on both. Rows of a
 * statement in plain SQL are read as `values`, which alone are the same on both.
 */
export type SqlDatabase =
  & Omit<BaseSQLiteDatabase<"async", unknown>, "all" | "get">
  & Pick<SqliteRemoteDatabase, "batch">;

type Completed = GenerationEventOf<"generation.completed">;

/** Drizzle's own blob column needs Node's Buffer; D1 gives number arrays. */
const bytes = customType<{ data: Uint8Array; driverData: Uint8Array | number[] }>({
  dataType: () => "blob",
  toDriver: (value) => value,
  fromDriver: (value) => new Uint8Array(value),
});

export const generations = sqliteTable("generations", {
  /** The content key, 64 hex digits. */
  id: text().primaryKey(),
  request: text({ mode: "json" }).$type<SeededRequest>().notNull(),
  plan: text({ mode: "json" }).$type<Plan>().notNull(),
  status: text({ enum: ["succeeded"] }).notNull(),
  events: text({ mode: "json" }).$type<readonly NumberedEvent[]>().notNull(),
  evaluations: text({ mode: "json" }).$type<Completed["evaluations"]>().notNull(),
  timings: text({ mode: "json" }).$type<Completed["timings"]>().notNull(),
  /** Epoch milliseconds. */
  created_at: integer().notNull(),
  last_used_at: integer().notNull(),
  hits: integer().notNull().default(0),
  /** The account that alone may read it; null where everybody may. */
  owner: text(),
  /** Who began it, for fair shares of the budget: a key's account, or `anonymous` for all others. */
  account: text(),
  /** Bytes that it takes with its pictures, for the budget of the cache. */
  stored_bytes: integer().notNull().default(0),
  /** SHA-256 of plan and events, hex. Rows from before there were hashes have none. */
  log_sha256: text(),
}, (table) => [index("generations_last_used_at").on(table.last_used_at)]);

const picture = {
  media_type: text({ enum: ["image/png", "image/webp"] }).notNull(),
  width: integer().notNull(),
  height: integer().notNull(),
  bytes: bytes().notNull(),
};

const generationId = () =>
  text().notNull().references(() => generations.id, { onDelete: "cascade" });

export const images = sqliteTable("images", {
  generation_id: generationId().primaryKey(),
  /** SHA-256 of the whole file, hex: the image's ETag. */
  sha256: text().notNull(),
  /** Bytes of the whole file. Rows from before there were parts have 0: `bytes` is all there is. */
  size: integer().notNull().default(0),
  /** The whole file, or as much of it as fits into a row; parts hold the rest. */
  ...picture,
});

/**
 * The bytes of an image that do not fit into its row, under the hash of the whole. They are written
 * before the row that needs them, so that there is never half an image.
 */
export const image_parts = sqliteTable("image_parts", {
  sha256: text().notNull(),
  /** Counts from 1: part 0 is in the image's own row. */
  part: integer().notNull(),
  bytes: bytes().notNull(),
  created_at: integer().notNull(),
}, (table) => [
  primaryKey({ columns: [table.sha256, table.part] }),
  index("image_parts_created_at").on(table.created_at),
]);

export const previews = sqliteTable("previews", {
  generation_id: generationId(),
  /** The preview's cursor in the event log. */
  event_id: integer().notNull(),
  step: integer().notNull(),
  method: text({ enum: ["projection", "vae"] }).notNull(),
  /** SHA-256 of the file, hex. Rows from before there were hashes have none. */
  sha256: text(),
  ...picture,
}, (table) => [primaryKey({ columns: [table.generation_id, table.event_id] })]);

/** A branch names its generation, which has a row of its own. */
export interface StoredBranch {
  readonly id: string;
  readonly label: string;
  readonly same_as: number | null;
}

/** One place in the merged log of a sweep: the branch, and the event's cursor in that branch. */
export type BranchEvent = readonly [branch: number, id: number];

/** Sweeps in which every branch succeeded. They are worth nothing without their generations. */
export const sweeps = sqliteTable("sweeps", {
  /** The key of the branches' content keys, 64 hex digits. */
  id: text().primaryKey(),
  axis: text().$type<SweepAxis>().notNull(),
  branches: text({ mode: "json" }).$type<readonly StoredBranch[]>().notNull(),
  planned: text({ mode: "json" }).$type<SweepPlannedEvaluations>().notNull(),
  /** The order of the merged log, which the generations alone do not give. */
  event_order: text({ mode: "json" }).$type<readonly BranchEvent[]>().notNull(),
  outcome: text({ mode: "json" }).$type<SweepOutcome>().notNull(),
  /** Epoch milliseconds. */
  created_at: integer().notNull(),
  last_used_at: integer().notNull(),
  hits: integer().notNull().default(0),
}, (table) => [index("sweeps_last_used_at").on(table.last_used_at)]);

/** Curated results, pinned: trimming spares them, and they are served without the GPU function. */
export const demos = sqliteTable("demos", {
  /** Lower-case letters, digits and hyphens. */
  slug: text().primaryKey(),
  title: text().notNull(),
  /** The request that draws it again, when the model or the engine has changed. */
  request: text({ mode: "json" }).$type<SeededRequest>().notNull(),
  /** Content key of its generation; without a row there it has to be warmed. */
  generation_id: text().notNull(),
  position: integer().notNull(),
  created_at: integer().notNull(),
}, (table) => [index("demos_generation_id").on(table.generation_id)]);

export const api_keys = sqliteTable("api_keys", {
  /** `key_` and 16 hex digits: the public half, and the account. */
  id: text().primaryKey(),
  name: text().notNull(),
  /** Hex. The secret itself is stored nowhere. */
  salt: text().notNull(),
  /** SHA-256 of salt and secret, hex. */
  hash: text().notNull(),
  /** Null stands for the limits of the tier. */
  limits: text({ mode: "json" }).$type<Partial<AccountLimits>>(),
  created_at: integer().notNull(),
  revoked_at: integer(),
});

/** Each account's use on one day. */
export const usage = sqliteTable("usage", {
  account: text().notNull(),
  /** UTC, `2026-11-25`. */
  day: text().notNull(),
  requests: integer().notNull().default(0),
  /** Requests that began a run, or joined one. */
  generations: integer().notNull().default(0),
  /** Requests answered from the cache. */
  hits: integer().notNull().default(0),
  refused: integer().notNull().default(0),
  /** Evaluations of the runs that it began. */
  evaluations: integer().notNull().default(0),
}, (table) => [primaryKey({ columns: [table.account, table.day] })]);

/** The answers given under an `Idempotency-Key`. */
export const idempotency_keys = sqliteTable("idempotency_keys", {
  account: text().notNull(),
  key: text().notNull(),
  /** SHA-256 of method, path and body, hex. */
  fingerprint: text().notNull(),
  /** The seed drawn for a request that left it out. */
  seed: integer(),
  /**
   * The answer's status and body; null while it is on its way, or where the result is the answer.
   */
  status: integer(),
  body: text(),
  /** The resource that the request led to, such as `/v1/generations/…`. */
  location: text(),
  created_at: integer().notNull(),
}, (table) => [
  primaryKey({ columns: [table.account, table.key] }),
  index("idempotency_keys_created_at").on(table.created_at),
]);

/** Calls that are owed to clients when a generation or sweep ends. */
export const webhook_deliveries = sqliteTable("webhook_deliveries", {
  /** The message's id, the same over all attempts. */
  id: text().primaryKey(),
  /** Address of the generation or sweep, such as `/v1/generations/…`. */
  subject: text().notNull(),
  account: text().notNull(),
  url: text().notNull(),
  /** JSON; null until the subject has ended. */
  payload: text(),
  attempts: integer().notNull().default(0),
  /** Epoch milliseconds; null while the subject runs, and once the delivery is over. */
  next_attempt_at: integer(),
  state: text({ enum: ["waiting", "due", "delivered", "given_up"] }).notNull(),
  created_at: integer().notNull(),
}, (table) => [
  index("webhook_deliveries_subject").on(table.subject),
  index("webhook_deliveries_next_attempt_at").on(table.next_attempt_at),
]);

/** Runs under way in the rooms of a single process: what another process needs to resume them. */
export const room_memories = sqliteTable("room_memories", {
  kind: text({ enum: ["generation", "sweep"] }).notNull(),
  /** The content key or the sweep's id. */
  id: text().notNull(),
  name: text().notNull(),
  value: text({ mode: "json" }).notNull(),
}, (table) => [primaryKey({ columns: [table.kind, table.id, table.name] })]);
